"""Whatever is sent to a case: a message, or a fault told in words that repeat nothing of it."""

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mutations import as_json, junk, marks, mutated
from samples import TODAY, UNHURRIED, valid_application
from temporalio.api.common.v1 import Payload

from activities.case import AssessedCorrection, CorrectionToAssess
from adapters.profiles import load_profile
from domain import messages
from domain.base import Frozen
from domain.certificates import CertificateChanged
from domain.examination import assess_correction
from domain.messages import Correction
from workers.temporal import TolerantConverter
from workflows.contracts import CaseRequest
from workflows.reception import UnreadableMessage, read
from workflows.state import CaseState, PendingCorrection

PROFILE = load_profile()
NUMBER = "7K3M-9QXT-2B4D-6"
OFFICER: dict[str, Any] = {"officer": "officer-7"}
OBJECTION: dict[str, Any] = {"code": "NAME_MISMATCH", "field": "applicant.name_on_diploma"}
PASSPORT: dict[str, Any] = {
    "kind": "passport_personal_page",
    "name": "passport.pdf",
    "size_bytes": 812_345,
    "sha256": "0" * 64,
}
MESSAGES: dict[type[Frozen], dict[str, Any]] = {
    messages.Correction: {
        **OFFICER,
        "correction_id": "c-1",
        "changes": {"applicant": {"name": {"surname": "Соколова"}}, "graduation_year": 2007},
        "documents": [PASSPORT],
    },
    messages.HolderReply: {
        **OFFICER,
        "reply_id": "r-1",
        "verdict": "objections",
        "objections": [OBJECTION],
        "new_holder_inn": "7700001549",
        "closure_protocol": "12 от 01.02.2020",
        "copy_reference": "К-7",
        "note": "см. приложение",
    },
    messages.ProductionRecord: {
        **OFFICER,
        "series": "77СПА",
        "number": "0031942",
        "registration_number": "Д-118",
        "issued_on": "2026-05-20",
    },
    messages.HandOver: {
        **OFFICER,
        "method": "post",
        "handed_over_on": "2026-05-20",
        "reference": "RA123456789RU",
    },
    messages.ParcelReport: {
        **OFFICER,
        "tracking": "RA123456789RU",
        "event": "sent",
        "reported_on": "2026-05-20",
    },
    messages.PaymentReceived: {"payment_id": "p-1", "invoice_id": "i-1", "amount": 1500},
    messages.WithdrawalRequested: {**OFFICER, "reason": "нашёлся", "consent_withdrawn": True},
    messages.SuspensionLifted: {**OFFICER, "note": "исправлено"},
    messages.Claim: OFFICER,
    messages.Reassignment: {**OFFICER, "by": "officer-8", "note": "отпуск"},
    messages.ContactConfirmed: OFFICER,
    messages.CodeRequested: OFFICER,
    messages.CertificateRequested: OFFICER,
    messages.CalendarPublished: {"years": [2027, 2028]},
    messages.Decision: {
        **OFFICER,
        "decision": "object",
        "objections": [OBJECTION],
        "note": "сверено",
        "prepare": True,
    },
    CertificateChanged: {
        "event": "certificate_issued",
        "number": f"{NUMBER}/1",
        "state": "in_force",
        "valid_until": "2026-06-20",
    },
}
"""Every message a case is told, with all of its fields."""
PARTS = {messages.GivenForAnother, messages.Objection}
"""What is part of messages, and none itself."""
SURE_TO_BE_TYPED = ("Соколова", "4509718243", "officer-7", "RA123456789RU", "нашёлся", "нашелся")
CONVERTER = TolerantConverter()


almost_right = st.sampled_from(list(MESSAGES)).flatmap(
    lambda kind: st.tuples(st.just(kind), mutated(MESSAGES[kind]))
)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def as_told(raw: bytes) -> Any:
    """A payload as the case gets it."""
    payload = Payload(metadata={"encoding": b"json/plain"}, data=raw)
    return CONVERTER.from_payloads([payload])[0]


def came_through(value: Any) -> Any:
    """A value after the engine kept it."""
    return CONVERTER.from_payloads(CONVERTER.to_payloads([value]), [type(value)])[0]


def read_or_told(kind: type[Frozen], told: Any) -> Frozen | None:
    """The message; None when there is none, and why is told in plain words."""
    try:
        return read(kind, (told,))
    except UnreadableMessage as error:
        fault = str(error)
    assert fault.isprintable()
    assert len(fault) < 2500
    assert not any(letter in fault for letter in "ЖЩЪЫ")
    assert not any(text in fault for text in SURE_TO_BE_TYPED)
    return None


def test_every_message_is_there_with_every_field() -> None:
    known = {kind for kind in vars(messages).values() if isinstance(kind, type)}
    ours = {kind for kind in known if kind.__module__ == messages.__name__}
    assert {kind for kind in ours if issubclass(kind, Frozen)} - PARTS == (
        set(MESSAGES) - {CertificateChanged}
    )
    for kind, fields in MESSAGES.items():
        assert fields.keys() == kind.model_fields.keys()
        assert isinstance(read(kind, (fields,)), kind)


@UNHURRIED
@given(message=almost_right)
@example(message=(Correction, {"changes": {"expedited": math.nan}}))
def test_a_message_that_is_almost_right_is_read_and_kept_or_its_fault_told(
    message: tuple[type[Frozen], Any],
) -> None:
    kind, content = message
    taken = read_or_told(kind, as_told(as_json(content).encode()))
    if taken is not None:
        assert repr(came_through(taken)) == repr(taken)


@UNHURRIED
@given(kind=st.sampled_from(list(MESSAGES)), value=junk)
def test_any_json_is_a_message_or_its_fault_is_told(kind: type[Frozen], value: Any) -> None:
    read_or_told(kind, as_told(as_json(value).encode()))


@UNHURRIED
@given(kind=st.sampled_from(list(MESSAGES)), value=junk, raw=st.binary(max_size=100))
def test_any_python_value_and_any_bytes_are_a_message_or_the_fault_is_told(
    kind: type[Frozen], value: Any, raw: bytes
) -> None:
    for told in (value, raw, as_told(raw)):
        read_or_told(kind, told)


@UNHURRIED
@given(kind=st.sampled_from(list(MESSAGES)), several=st.lists(junk | marks, max_size=4))
def test_any_number_of_arguments_but_one_is_told(kind: type[Frozen], several: list[Any]) -> None:
    if len(several) != 1:
        with pytest.raises(UnreadableMessage, match=f"{len(several)} were given"):
            read(kind, tuple(several))


@UNHURRIED
@given(changes=mutated(valid_application()), documents=mutated([PASSPORT]))
@example(changes={"colour": nested(195)}, documents=[])
@example(changes={"colour": nested(198)}, documents=[])
def test_any_correction_that_is_read_is_kept_and_looked_at(changes: Any, documents: Any) -> None:
    content = {"changes": changes, "documents": documents}
    correction = read_or_told(Correction, as_told(as_json(content).encode()))
    if not isinstance(correction, Correction):
        return
    pending = PendingCorrection(ticket=1, correction=correction)
    state = CaseState(control_number=NUMBER, draft=valid_application(), corrections=[pending])
    request = CaseRequest(control_number=NUMBER, application=valid_application(), state=state)
    assert repr(came_through(request)) == repr(request)
    asked = CorrectionToAssess(
        base=valid_application(),
        correction=correction,
        open_reasons=(),
        today=TODAY,
        fee_paid=False,
    )
    assert repr(came_through(asked)) == repr(asked)
    found = assess_correction(valid_application(), correction, (), PROFILE, TODAY)
    assert found.application or found.deficiencies
    answer = AssessedCorrection(assessment=found, fees=())
    assert came_through(answer).assessment.deficiencies == found.deficiencies
