"""What each notice says: the facts of a case put together for its reader (R11)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.application import SCOPE_LABELS
from domain.errands import Errand, ErrandKind
from domain.fees import total_due
from domain.notices import (
    OWN_ACTS,
    Audience,
    Notice,
    NoticeChannel,
    NoticeEvent,
    NoticeFacts,
)
from domain.paper_checks import TEMPLATE_LABELS
from domain.register import PaperState
from domain.routes import Route
from domain.statuses import CaseStatus
from workflows.papers import paper_with
from workflows.state import CaseState, CertificateState

STAGE_NAMES = {
    CaseStatus.SUBMITTED: "регистрация заявления",
    CaseStatus.ACCEPTED: "регистрация заявления",
    CaseStatus.IN_REVIEW: "проверка документов",
    CaseStatus.IN_PRODUCTION: "изготовление дубликата",
    CaseStatus.READY: "выдача дубликата",
}
"""How the stage a case stands in is called to the applicant."""


class Post:
    """Puts notices into the outbox of a case; sending them is the workflow's matter."""

    def __init__(self, state: CaseState) -> None:
        self._state = state

    def tell_applicant(self, event: NoticeEvent, now: datetime, **particulars: Any) -> None:
        """Tell the applicant what happened, what is next and by when."""
        self._put(event, Audience.APPLICANT, now, self._applicants_mailbox(), **particulars)
        application = self._state.application
        if application is not None and application.applicant.notify_by_sms:
            phone = application.applicant.phone
            self._put(
                event, Audience.APPLICANT, now, phone, channel=NoticeChannel.SMS, **particulars
            )

    def write_to_holder(self, event: NoticeEvent, errand: Errand, now: datetime) -> None:
        """Write to the records holder about an errand; without a mailbox ops are told instead."""
        mailbox = self.holder_mailbox()
        if mailbox is None:
            self.tell_staff(
                NoticeEvent.STAFF_WARNING, Audience.OPS, now, "the holder has no mailbox: call it"
            )
            return
        application = errand.application
        applicant, blank = application.applicant, application.diploma.blank
        renamed = not applicant.name.same_as(applicant.name_on_diploma)
        self._put(
            event,
            Audience.HOLDER,
            now,
            mailbox,
            errand_key=errand.key,
            holder_request=errand.kind.value,
            subject_name=applicant.name_on_diploma.full(),
            birth_date=applicant.birth_date,
            current_name=applicant.name.full() if renamed else "",
            blank="" if blank == "unknown" else f"{blank.series} {blank.number}",
            scope=SCOPE_LABELS[application.scope],
            delivery_address=application.delivery.address or "",
            institution=application.institution.name,
            specialty=application.specialty,
            graduation_year=application.graduation_year,
        )

    def tell_staff(
        self, event: NoticeEvent, audience: Audience, now: datetime, remark: str
    ) -> None:
        """Tell ops or support what needs a person; `remark` is English and impersonal."""
        self._put(event, audience, now, None, remark=remark)

    def hold_back(self, now: datetime) -> set[str]:
        """Take back what waits for the morning and is not true any more after a withdrawal.

        Returns:
            Keys of errands whose letters were never sent.
        """
        state, engine_now = self._state, self._state.the_setup().clock.engine_time(now)
        outside = {Audience.APPLICANT, Audience.HOLDER}
        held = [
            notice
            for notice in state.outbox
            if notice.audience in outside and notice.not_before > engine_now
        ]
        state.outbox = [notice for notice in state.outbox if notice not in held]
        return {notice.errand_key for notice in held if notice.errand_key}

    def holder_mailbox(self) -> str | None:
        """Where the holder can be written to; None when only its system is known."""
        holder = self._state.the_setup().holder
        channel = holder.channel if holder else None
        if channel is not None and channel.kind == "letter":
            return channel.address
        if self._state.route is not Route.INSTITUTION:
            return None
        application = self._state.application
        return application.institution.email if application else None

    def _applicants_mailbox(self) -> str | None:
        """The applicant's address; also of an application that is unreadable elsewhere."""
        if self._state.application is not None:
            return self._state.application.applicant.email
        applicant = self._state.draft.get("applicant")
        email = applicant.get("email") if isinstance(applicant, dict) else None
        return email if isinstance(email, str) else None

    def _put(
        self,
        event: NoticeEvent,
        audience: Audience,
        now: datetime,
        recipient: str | None,
        *,
        channel: NoticeChannel = NoticeChannel.EMAIL,
        errand_key: str | None = None,
        **particulars: object,
    ) -> None:
        state, setup = self._state, self._state.the_setup()
        state.notices += 1
        own_act = event in OWN_ACTS
        allowed = now if own_act else setup.quiet_hours.next_allowed(now, setup.zone)
        facts = self._facts(now).model_copy(update=particulars)
        paper = None
        if state.has_chancery and channel is NoticeChannel.EMAIL:
            paper = paper_with(event, state, facts, now.astimezone(ZoneInfo(setup.zone)))
        if paper is not None:
            facts = facts.model_copy(update={"attached": TEMPLATE_LABELS[paper.template]})
        not_before = setup.clock.engine_time(allowed)
        if state.has_chancery and allowed == now:
            state.written_at = not_before
            not_before = setup.clock.origin  # on a fast clock now comes back rounded up
        state.outbox.append(
            Notice(
                control_number=state.control_number,
                event=event,
                audience=audience,
                key=f"{event}.{state.notices}",
                channel=channel,
                recipient=recipient,
                not_before=not_before,
                errand_key=errand_key,
                facts=facts,
                paper=paper,
            )
        )

    def _facts(self, now: datetime) -> NoticeFacts:
        state, setup = self._state, self._state.the_setup()
        calendar = setup.calendar
        window = state.stage.window if state.stage else None
        response = state.response.window if state.response else None
        cap = state.case_cap.window if state.case_cap else None
        application, charge = state.application, state.open_charge
        certificate = self._certificate()
        collection = state.collection.window if state.collection else None
        return NoticeFacts(
            happened_on=now.astimezone(ZoneInfo(setup.zone)).date(),
            status_label=state.status.label,
            salutation=application.applicant.name.address() if application else "",
            stage=self._stage_name(),
            earliest_on=window.earliest_on(calendar) if window else None,
            due_on=window.due_on(calendar) if window else None,
            provisional=any(
                shown.is_provisional(calendar)
                for shown in (window, response, cap, collection)
                if shown is not None
            ),
            next_by=cap.due_on(calendar) if cap else None,
            deficiencies=state.reasons,
            respond_by=response.due_on(calendar) if response else None,
            holder=setup.holder.name if setup.holder and state.accepted else "",
            fees=setup.fees,
            code_expected=state.awaits_code,
            fees_due=charge.invoice.amount if charge else self._unpaid(),
            pay_url=charge.invoice.pay_url if charge else "",
            refund=refunded(state),
            delivery=application.delivery.method if application else None,
            hand_over=state.hand_over,
            route=state.route.value,
            closure_protocol=state.closure_protocol or "",
            copy_reference=state.copy_reference or "",
            tracking=state.parcel.tracking if state.parcel else "",
            collect_by=collection.due_on(calendar) if collection else None,
            certificate_number=certificate.number if certificate else "",
            valid_until=certificate.valid_until if certificate else None,
        )

    def _unpaid(self) -> int:
        """What is still to be paid of the whole fee, in roubles."""
        return max(0, total_due(self._state.the_setup().fees) - self._state.paid)

    def _stage_name(self) -> str:
        if self._state.parcel is not None:
            return "доставка почтой"
        return STAGE_NAMES.get(self._state.status, "")

    def _certificate(self) -> CertificateState | None:
        """The temporary certificate, as long as it can be relied on."""
        known = self._state.certificate
        return known if known and known.state is PaperState.IN_FORCE else None


def errand_of(state: CaseState) -> ErrandKind | None:
    """What the holder is doing for a case right now."""
    if state.status is CaseStatus.READY and state.parcel is not None:
        return ErrandKind.DELIVERY
    return {
        CaseStatus.IN_REVIEW: ErrandKind.VERIFICATION,
        CaseStatus.IN_PRODUCTION: ErrandKind.PRODUCTION,
        CaseStatus.READY: ErrandKind.HAND_OVER,
    }.get(state.status)


def refunded(state: CaseState) -> int:
    """What was given back, in roubles."""
    return sum(
        charge.payment.amount for charge in state.charges if charge.payment and charge.refund_id
    )
