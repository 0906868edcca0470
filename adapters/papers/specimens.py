"""One of each paper about invented people: templates are tried with them before a real case."""

from datetime import date, datetime, timedelta, timezone
from typing import Any

from domain.application import (
    DOCUMENT_LABELS,
    SCOPE_LABELS,
    BlankNumber,
    DeliveryMethod,
    NameChange,
    OriginalDiploma,
    Scope,
)
from domain.errands import ErrandKind
from domain.federal import DOCUMENT_NAMES
from domain.fees import FEE_LABELS, Fee, FeeCode
from domain.messages import ProductionRecord
from domain.papers import PAPER_MODELS, AnyPaper, Graduate
from domain.retention import BASIS_LABELS, ErasureBasis

MARKUP = r"#panic() *a* $x$ _y_ `z` \ <b> {{ 7*7 }} @c /*d*/ //e ~ -- 'f' = [g] &amp;"
"""All that typst, HTML or jinja could take for more than letters."""


def _fees(*amounts: int) -> tuple[Fee, ...]:
    return tuple(
        Fee(
            code=code,
            label=FEE_LABELS[code],
            amount=amount,
            collected_by_us=code is not FeeCode.INTERMEDIARY,
        )
        for code, amount in zip(FeeCode, amounts, strict=True)
    )


def _one_of_each(facts: dict[str, Any]) -> tuple[AnyPaper, ...]:
    """Each paper with those of the facts it has a field for."""
    return tuple(
        model(**{name: facts[name] for name in model.model_fields if name in facts})
        for model in PAPER_MODELS.values()
    )


_ORDINARY: dict[str, Any] = {
    "control_number": "7K3M-9QXT-2B4D-6",
    "dated": date(2026, 4, 29),
    "verification_url": "https://duplicates.example.org/verify/7K3M-9QXT-2B4D-6/K7QX2-M4P9R",
    "verification_code": "K7QX2-M4P9R",
    "submitted_at": datetime(2026, 4, 29, 14, 5, 7, tzinfo=timezone(timedelta(hours=3))),
    "graduate": Graduate(
        name="Соколова Алёна Игоревна",
        birth_date=date(1987, 3, 14),
        institution=(
            "Государственное бюджетное профессиональное образовательное учреждение "
            "города Москвы «Яузский политехнический колледж»"
        ),
        specialty="Программирование в компьютерных системах",
        graduated_in=2007,
    ),
    "scope": SCOPE_LABELS[Scope.BOTH],
    "documents": tuple(DOCUMENT_LABELS.values())[:3],
    "fees": _fees(1500, 300, 800),
    "pay_url": "https://pay.example.org/i/7K3M-9QXT-2B4D-6.1",
    "holder": "Архивный отдел администрации города Москвы",
    "request": ErrandKind.VERIFICATION,
    "original": OriginalDiploma(
        blank=BlankNumber(series="77СПА", number="0031942"),
        issued_on=date(2007, 6, 28),
        issued_in="город Москва",
    ),
    "answer_by": date(2026, 5, 13),
    "number": "7K3M-9QXT-2B4D-6/1",
    "payer": "Соколова Алёна Игоревна",
    "pay_by": date(2026, 5, 29),
    "valid_until": date(2026, 5, 29),
    "closure_protocol": "№ 5 от 01.02.2011",
    "document_name": DOCUMENT_NAMES[Scope.BOTH],
    "duplicate": ProductionRecord(
        series="117704",
        number="0012345",
        registration_number="2026-118",
        issued_on=date(2026, 5, 27),
    ),
    "operator": "Служба выдачи дубликатов дипломов, 109240, город Москва, Яузская улица, дом 1",
    "officer": "officer-7",
    "reason": BASIS_LABELS[ErasureBasis.RETENTION_ENDED],
    "destroyed_at": datetime(2026, 4, 29, 14, 5, 7, tzinfo=timezone(timedelta(hours=3))),
    "contents": 12,
}
_SURNAME = "Архинеологопротопоповознесенскоконстантинопольскопреображенский"
_LONG = "Государственное автономное профессиональное образовательное учреждение " * 4
_EXTREME: dict[str, Any] = {
    **_ORDINARY,
    "verification_url": "https://duplicates.example.org/" + "verify/" * 20 + "K7QX2-M4P9R",
    "submitted_at": datetime(2026, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=12))),
    "graduate": Graduate(
        name=f"{_SURNAME} Мөхәммәтҗан Ҡыҙырғәли улы",
        name_on_diploma=f"{'Щ' * 60} Ян {MARKUP}",
        birth_date=date(1931, 1, 1),
        institution=f"{_LONG[:250]} имени Ӑ. Ҫ. Ғәфүри",
        specialty=f"{MARKUP} {_LONG[:200]}",
        enrolled_in=1949,
        graduated_in=1953,
    ),
    "documents": (*DOCUMENT_LABELS.values(), "первая\n\n= вторая"),
    "fees": _fees(1_234_567, 1_000, 1),
    "pay_url": "https://pay.example.org/i?" + "a=1&" * 60,
    "holder": (_LONG + _LONG)[:300],
    "request": ErrandKind.HAND_OVER,
    "original": OriginalDiploma(
        blank="unknown", issued_on=date(1953, 7, 1), issued_in=_LONG.lower()[:300]
    ),
    "delivery": DeliveryMethod.POST,
    "delivery_address": f"{MARKUP} {'1234567890' * 20}",
    "number": "1234567890" * 6,
    "payer": f"{_SURNAME} {MARKUP}",
    "closure_protocol": f"№ {'5-' * 29}",
    "duplicate": ProductionRecord(
        series="Щ" * 60,
        number="0" * 60,
        registration_number=MARKUP[:60],
        issued_on=date(2026, 5, 27),
    ),
    "name_change": NameChange(number="IX-АГ " + "8" * 54, issued_on=date(1999, 9, 9)),
    "operator": f"{MARKUP} {_LONG}",
    "officer": "officer_" * 12,
    "reason": BASIS_LABELS[ErasureBasis.CONSENT_WITHDRAWN],
    "contents": 1_234_567,
}

ORDINARY = _one_of_each(_ORDINARY)
"""As most cases are."""
EXTREME = _one_of_each(_EXTREME)
"""Everything as long and as odd as the rules of form let it be."""
