"""Numbers of people and organisations: form, check digits and one normal spelling (R1)."""

import re
import unicodedata

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.ru import inn as ru_inn

from domain.text import check_one_alphabet, fault, half_width, tidy

_LOOK_ALIKES = str.maketrans("ABCEHKMOPTXY", "АВСЕНКМОРТХУ")
_SNILS_UNCHECKED_UP_TO = 1_001_998
"""Numbers up to 001-001-998 were given out before check digits existed."""


def _digits(value: str) -> str:
    return re.sub(r"[\s()\-\u2010-\u2015\u2212]", "", half_width(tidy(value)))


def snils(value: str) -> str:
    """SNILS (СНИЛС) as 123-456-789 01.

    Raises:
        PydanticCustomError: SNILS_FORMAT or SNILS_CHECK_DIGIT.
    """
    digits = _digits(value)
    if not re.fullmatch(r"[0-9]{11}", digits):
        raise fault("SNILS_FORMAT")
    body, check = digits[:9], int(digits[9:])
    weighted = sum(int(digit) * weight for digit, weight in zip(body, range(9, 0, -1), strict=True))
    if not int(body) or (int(body) > _SNILS_UNCHECKED_UP_TO and weighted % 101 % 100 != check):
        raise fault("SNILS_CHECK_DIGIT")
    return f"{body[:3]}-{body[3:6]}-{body[6:]} {digits[9:]}"


def _inn(value: str, length: int) -> str:
    digits = _digits(value)
    if not re.fullmatch(rf"[0-9]{{{length}}}", digits):
        raise fault(f"INN_{length}_FORMAT")
    if not int(digits):
        raise fault("INN_CHECK_DIGIT")
    try:
        return str(ru_inn.validate(digits))
    except StdnumError:
        raise fault("INN_CHECK_DIGIT") from None


def person_inn(value: str) -> str:
    """INN of a person (ИНН), 12 digits.

    Raises:
        PydanticCustomError: INN_12_FORMAT or INN_CHECK_DIGIT.
    """
    return _inn(value, 12)


def organisation_inn(value: str) -> str:
    """INN of an organisation (ИНН), 10 digits.

    Raises:
        PydanticCustomError: INN_10_FORMAT or INN_CHECK_DIGIT.
    """
    return _inn(value, 10)


def passport_series(value: str) -> str:
    """Series of a Russian passport, 4 digits.

    Raises:
        PydanticCustomError: PASSPORT_SERIES_FORMAT.
    """
    digits = _digits(value)
    if not re.fullmatch(r"[0-9]{4}", digits):
        raise fault("PASSPORT_SERIES_FORMAT")
    return digits


def passport_number(value: str) -> str:
    """Number of a Russian passport, 6 digits.

    Raises:
        PydanticCustomError: PASSPORT_NUMBER_FORMAT.
    """
    digits = _digits(value)
    if not re.fullmatch(r"[0-9]{6}", digits):
        raise fault("PASSPORT_NUMBER_FORMAT")
    return digits


def blank_mark(value: str) -> str:
    """Series or number of a diploma blank: letters and digits, formats differ by year (R-law).

    Raises:
        PydanticCustomError: DIPLOMA_MARK_FORMAT.
    """
    text = half_width(tidy(value)).upper()
    if not re.fullmatch(r"[0-9A-ZА-ЯЁ][0-9A-ZА-ЯЁ \-]{0,19}", text):
        raise fault("DIPLOMA_MARK_FORMAT")
    return text


def blank_key(value: str) -> str:
    """Series or number of a blank as it is compared: however typed, the same paper is the same."""
    text = unicodedata.normalize("NFKC", value).upper().translate(_LOOK_ALIKES)
    return "".join(symbol for symbol in text if symbol.isalnum())


def email_address(value: str) -> str:
    """Exactly one e-mail address.

    Raises:
        PydanticCustomError: EMAIL_SEVERAL, EMAIL_FORMAT or MIXED_ALPHABETS.
    """
    text = value.strip()
    if text.count("@") > 1 or re.search(r"[,;\s]", text):
        raise fault("EMAIL_SEVERAL" if text.count("@") > 1 else "EMAIL_FORMAT")
    try:
        address = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise fault("EMAIL_FORMAT") from None
    for label in address.domain.split("."):
        check_one_alphabet(label)  # one Russian letter makes it another, foreign domain
    return address.ascii_email or address.normalized  # any mail server takes пример.рф as xn--...


def phone_number(value: str) -> str:
    """A phone number as +79991234567; without a country code it is Russian.

    Raises:
        PydanticCustomError: PHONE_FORMAT.
    """
    text = half_width(tidy(value))
    if any(symbol.isalpha() for symbol in text):  # the library would read FLOWERS as 3569377
        raise fault("PHONE_FORMAT")
    try:
        number = phonenumbers.parse(text, "RU")
    except phonenumbers.NumberParseException:
        raise fault("PHONE_FORMAT") from None
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE or number.extension:
        raise fault("PHONE_FORMAT")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
