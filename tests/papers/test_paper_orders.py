"""An order and an application make a paper; what is missing is named, and nobody."""

from typing import Any

import pytest
from ordered_papers import DATED, NUMBER, ORDERS
from samples import valid_application

from domain.application import Application, DeliveryMethod
from domain.certificates import certificate
from domain.errands import ErrandKind
from domain.paper_orders import FactMissing, PaperOrder, made_out
from domain.papers import (
    PAPER_MODELS,
    AnyPaper,
    ElectronicDuplicate,
    HolderLetter,
    PaperTemplate,
    PaymentInvoice,
    SubmissionReceipt,
)
from domain.terms import Term

T = PaperTemplate
NEEDED = {
    T.SUBMISSION_RECEIPT: {"submitted_at"},
    T.HOLDER_LETTER: {"holder", "request"},
    T.INVOICE: {"fees", "number"},
    T.TEMPORARY_CERTIFICATE: {"number", "valid_until"},
    T.SUBSTITUTE_CERTIFICATE: {"closure_protocol", "number"},
    T.ACCEPTANCE_ACT: {"duplicate", "holder", "number"},
    T.ELECTRONIC_DUPLICATE: {"duplicate"},
}
"""What each paper cannot do without, besides the application."""


def paper_of(order: PaperOrder, **changes: Any) -> AnyPaper:
    application = Application.model_validate(valid_application(**changes))
    return made_out(order, application, NUMBER, "https://example.org/verify/1/2", "K7QX2-M4P9R")


@pytest.mark.parametrize("template", ORDERS)
def test_an_order_makes_the_paper_it_names(template: PaperTemplate) -> None:
    paper = paper_of(ORDERS[template])
    assert type(paper) is PAPER_MODELS[template]
    assert paper.control_number == NUMBER
    assert paper.dated == DATED
    assert paper.verification_code == "K7QX2-M4P9R"


@pytest.mark.parametrize("template", ORDERS)
def test_every_missing_fact_is_named_and_nobody_is(template: PaperTemplate) -> None:
    with pytest.raises(FactMissing) as missing:
        paper_of(PaperOrder(template=template, dated=DATED))
    assert str(missing.value) == f"{template}: {', '.join(sorted(NEEDED[template]))}"


def test_what_the_application_says_need_not_be_ordered() -> None:
    receipt, invoice = paper_of(ORDERS[T.SUBMISSION_RECEIPT]), paper_of(ORDERS[T.INVOICE])
    assert isinstance(receipt, SubmissionReceipt)
    assert receipt.graduate.name == "Соколова Алёна Игоревна"
    assert receipt.scope == "диплом и приложение к нему"
    assert receipt.documents[2] == "зачётная книжка"
    assert isinstance(invoice, PaymentInvoice)
    assert invoice.payer == receipt.graduate.name


def test_a_changed_name_stands_in_the_duplicate_with_its_certificate() -> None:
    paper = paper_of(
        ORDERS[T.ELECTRONIC_DUPLICATE],
        applicant={"name_on_diploma": {"surname": "Петрова"}},
        name_change={"number": "IX-АГ 512345", "issued_on": "2012-05-05"},
    )
    assert isinstance(paper, ElectronicDuplicate)
    assert paper.graduate.name_on_diploma == "Петрова Алёна Игоревна"
    assert paper.name_change is not None


def test_a_hand_over_goes_the_way_of_the_application_unless_another_is_ordered() -> None:
    order = ORDERS[T.HOLDER_LETTER].model_copy(update={"request": ErrandKind.HAND_OVER})
    by_post = paper_of(order)
    collected = paper_of(order.model_copy(update={"delivery": DeliveryMethod.PICKUP}))
    assert isinstance(by_post, HolderLetter)
    assert isinstance(collected, HolderLetter)
    assert (by_post.delivery, collected.delivery) == (DeliveryMethod.POST, DeliveryMethod.PICKUP)
    assert by_post.delivery_address.startswith("109240")


@pytest.mark.parametrize("template", ORDERS)
def test_an_order_survives_the_engine(template: PaperTemplate) -> None:
    order = ORDERS[template]
    assert PaperOrder.model_validate_json(order.model_dump_json()) == order


def test_an_order_names_the_paper_as_the_register_does() -> None:
    def paper_id(template: PaperTemplate) -> str:
        return ORDERS[template].identity(NUMBER).paper_id

    validity = Term(latest=30)
    kept = certificate(NUMBER, 1, DATED, validity, DATED)
    assert paper_id(T.TEMPORARY_CERTIFICATE) == kept.paper_id
    assert ORDERS[T.TEMPORARY_CERTIFICATE].number == kept.number
    assert paper_id(T.ELECTRONIC_DUPLICATE) == f"{NUMBER}/duplicate"
    assert paper_id(T.SUBSTITUTE_CERTIFICATE) == f"{NUMBER}/substitute_certificate"


def test_papers_of_one_case_have_different_ids() -> None:
    ids = {order.identity(NUMBER).paper_id for order in ORDERS.values()}
    assert len(ids) == len(ORDERS)
    second = ORDERS[T.TEMPORARY_CERTIFICATE].model_copy(update={"number": f"{NUMBER}/2"})
    assert second.identity(NUMBER).paper_id not in ids
