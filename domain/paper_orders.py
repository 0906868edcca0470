"""An order for a paper: which one, and what is not in the application. Nothing personal in it."""

from typing import Any

from pydantic import ValidationError

from domain.application import DOCUMENT_LABELS, SCOPE_LABELS, Application, DeliveryMethod
from domain.base import Frozen, Instant, IsoDate
from domain.errands import ErrandKind
from domain.federal import DOCUMENT_NAMES
from domain.fees import Fee
from domain.messages import ProductionRecord
from domain.papers import PAPER_MODELS, AnyPaper, Graduate, PaperIdentity, PaperTemplate


class FactMissing(Exception):
    """An order that lacks what its paper has to say; the text names the facts, never a value."""


class PaperOrder(Frozen):
    """What a case says to have a paper made out; each paper takes what it has room for.

    An order may stand in the engine's history (R13): whom a paper is about comes from the
    application, which is kept elsewhere.
    """

    template: PaperTemplate
    dated: IsoDate
    number: str = ""
    """Of an invoice, a certificate or an act."""
    holder: str = ""
    """The institution or archive a paper goes to, or whose records it rests on."""
    submitted_at: Instant | None = None
    """Give it in the region's zone, whose clock the receipt shows."""
    fees: tuple[Fee, ...] = ()
    pay_url: str = ""
    pay_by: IsoDate | None = None
    request: ErrandKind | None = None
    """What a letter asks for."""
    answer_by: IsoDate | None = None
    delivery: DeliveryMethod | None = None
    """The way of a hand-over, when it is no longer that of the application."""
    tracking: str = ""
    collect_by: IsoDate | None = None
    valid_until: IsoDate | None = None
    """Last day of a temporary certificate."""
    closure_protocol: str = ""
    duplicate: ProductionRecord | None = None

    def identity(self, control_number: str) -> PaperIdentity:
        """Which paper of a case this orders."""
        return PaperIdentity(
            control_number=control_number,
            template=self.template,
            dated=self.dated,
            number=self.number,
        )


def made_out(
    order: PaperOrder,
    application: Application,
    control_number: str,
    verification_url: str,
    verification_code: str,
) -> AnyPaper:
    """The paper an order asks for, with everything it says.

    Args:
        order: What to make out.
        application: Whom it is about.
        control_number: Of the case.
        verification_url: Where the paper can be checked; see `PaperFrame`.
        verification_code: The paper's own; see `PaperFrame`.

    Raises:
        FactMissing: The order, or the application, has not all that this paper says.
    """
    facts = {
        **_known_from(application),
        **{name: value for name, value in order if value not in (None, "")},
        "control_number": control_number,
        "verification_url": verification_url,
        "verification_code": verification_code,
    }
    model = PAPER_MODELS[order.template]
    try:
        return model(**{name: facts[name] for name in model.model_fields if name in facts})
    except ValidationError as error:
        missing = {str(fault["loc"][0]) for fault in error.errors(include_input=False)}
        raise FactMissing(f"{order.template}: {', '.join(sorted(missing))}") from None


def _known_from(application: Application) -> dict[str, Any]:
    """The facts an application holds, by the names papers have for them."""
    return {
        "graduate": Graduate.of(application),
        "payer": application.applicant.name.full(),
        "scope": SCOPE_LABELS[application.scope],
        "document_name": DOCUMENT_NAMES[application.scope],
        "documents": tuple(DOCUMENT_LABELS[scan.kind] for scan in application.documents),
        "original": application.diploma,
        "name_change": application.name_change,
        "delivery": application.delivery.method,
        "delivery_address": application.delivery.address or "",
    }
