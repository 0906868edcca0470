"""A complete application of an invented person, and ways to spoil it."""

from copy import deepcopy
from datetime import date
from typing import Any

from hypothesis import settings

from domain.base import JsonObject

TODAY = date(2026, 4, 29)
"""The day on which the tests read applications."""

UNHURRIED = settings(deadline=None, max_examples=80)
"""For properties: a busy machine is no failure."""

_APPLICATION: JsonObject = {
    "submission_id": "portal-2026-000017",
    "channel": "portal",
    "applicant": {
        "name": {"surname": "Соколова", "given_name": "Алёна", "patronymic": "Игоревна"},
        "name_on_diploma": {"surname": "Соколова", "given_name": "Алёна", "patronymic": "Игоревна"},
        "birth_date": "1987-03-14",
        "passport": {"series": "4509", "number": "718243"},
        "snils": "112-233-445 95",
        "inn": "772811450600",
        "email": "alena.sokolova@example.org",
        "phone": "+79161234567",
    },
    "diploma": {
        "blank": {"series": "77СПА", "number": "0031942"},
        "issued_on": "2007-06-28",
        "issued_in": "город Москва",
    },
    "institution": {
        "name": (
            "Государственное бюджетное профессиональное образовательное учреждение "
            "города Москвы «Яузский политехнический колледж»"
        ),
        "inn": "7700001549",
        "region": "77",
        "email": "office@college-yauza.example.org",
        "phone": "+74951234567",
        "address": "город Москва, Яузская улица, дом 7",
    },
    "specialty": "Программирование в компьютерных системах",
    "graduation_year": 2007,
    "reason": "loss",
    "scope": "both",
    "delivery": {"method": "post", "address": "109240, город Москва, Яузская улица, дом 12"},
    "expedited": False,
    "intermediary_fee": None,
    "consent": {"given": True, "confirmed_by": "sms_code", "reference": "portal-sms-000017"},
    "name_change": None,
    "documents": [
        {"kind": "passport_personal_page", "name": "passport-2-3.pdf", "size_bytes": 812_345},
        {"kind": "passport_registration_page", "name": "passport-5.JPG", "size_bytes": 640_002},
        {"kind": "grade_book", "name": "зачётная книжка.jpeg", "size_bytes": 2_400_100},
        {"kind": "payment_proof", "name": "payment.png", "size_bytes": 120_500},
        {"kind": "consent", "name": "consent.pdf", "size_bytes": 98_000},
    ],
}


def valid_application(**changes: Any) -> JsonObject:
    """The application; objects among the changes are merged in, anything else replaces."""
    application = deepcopy(_APPLICATION)
    _merge(application, deepcopy(changes))
    return application


def without(application: JsonObject, path: str) -> JsonObject:
    """The application without one field, named as in `applicant.passport.number`."""
    result: Any = deepcopy(application)
    part = result
    *above, last = path.split(".")
    for key in above:
        part = part[key]
    del part[last]
    return dict(result)


def with_value(application: JsonObject, path: str, value: Any) -> JsonObject:
    """The application with one field set, whatever was there before."""
    result: Any = deepcopy(application)
    part = result
    *above, last = path.split(".")
    for key in above:
        part = part[key]
    part[last] = value
    return dict(result)


def documents_without(*kinds: str) -> list[Any]:
    """The documents of the application without those of some kinds."""
    documents: Any = _APPLICATION["documents"]
    return [deepcopy(item) for item in documents if item["kind"] not in kinds]


def _merge(target: dict[str, Any], changes: dict[str, Any]) -> None:
    for key, value in changes.items():
        current = target.get(key)
        if isinstance(value, dict) and isinstance(current, dict):
            _merge(current, value)
        else:
            target[key] = value
