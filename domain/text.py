"""Reading what people typed: letters made comparable, impossible characters refused (R1)."""

import re
import unicodedata

from pydantic_core import PydanticCustomError

_CYRILLIC = re.compile(r"[\u0400-\u052F]")
_LATIN = re.compile(r"[A-Za-z\u00C0-\u024F]")
_LETTER_RUN = re.compile(r"[^\W\d_]+")
_LOOK_ALIKE = frozenset("ABCEHKMOPTXYaceopxyk")
"""Latin letters drawn like Cyrillic ones."""
_ROMAN = re.compile(r"[IVXL]+")
_SPACES = re.compile(r"[ \t\u00A0\u1680\u2000-\u200A\u202F\u205F\u3000]+")
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that are drawn as nothing although Unicode does not class them as controls."""

MAX_NAME = 100
MAX_LINE = 300
"""Characters; longer texts are no names and no addresses."""
LEAST_TITLE = 4
"""Letters; no institution and no specialty has a shorter full name."""


def fault(code: str) -> PydanticCustomError:
    """A field's fault as pydantic carries it; `code` is a code of the catalogue."""
    return PydanticCustomError(code, "see the catalogue of reasons")


def tidy(value: str) -> str:
    """One line of text in composed letters with single spaces.

    Raises:
        PydanticCustomError: EMPTY, LINE_BREAK or INVISIBLE_CHARACTERS.
    """
    text = unicodedata.normalize("NFC", value)
    if any(symbol in text.strip() for symbol in "\r\n\v\f\x85\u2028\u2029"):
        raise fault("LINE_BREAK")
    text = _SPACES.sub(" ", text).strip()
    if _UNSEEN.search(text) or any(_is_unseen(symbol) for symbol in text):
        raise fault("INVISIBLE_CHARACTERS")
    if not text:
        raise fault("EMPTY")
    return text


def _is_unseen(symbol: str) -> bool:
    """True for controls and for letters written from right to left, which reorder a line."""
    unseen = unicodedata.category(symbol) in {"Cc", "Cf", "Cs", "Co", "Cn"}
    return unseen or unicodedata.bidirectional(symbol) in {"R", "AL", "AN"}


def half_width(value: str) -> str:
    """Full-width digits, letters and signs in their ordinary form; № and ² stay what they are."""
    return "".join(
        unicodedata.normalize("NFKC", symbol)
        if unicodedata.decomposition(symbol).startswith("<wide>")
        else symbol
        for symbol in value
    )


def check_one_alphabet(text: str) -> str:
    """Refuse letters of another alphabet hidden among look-alikes.

    Raises:
        PydanticCustomError: MIXED_ALPHABETS.
    """
    runs = _LETTER_RUN.findall(text)
    any_cyrillic = bool(_CYRILLIC.search(text))
    for run in runs:
        letters = len(_CYRILLIC.findall(run))
        if 0 < letters < len(run):
            raise fault("MIXED_ALPHABETS")
        if any_cyrillic and not letters and not _may_stand_beside_cyrillic(run):
            raise fault("MIXED_ALPHABETS")
    return text


def _may_stand_beside_cyrillic(run: str) -> bool:
    """True for Roman numerals and for Latin words that cannot be read as Russian ones."""
    if len(run) > 1 and _ROMAN.fullmatch(run):
        return True
    return bool(_LATIN.search(run)) and not set(run) <= _LOOK_ALIKE


def person_name_part(value: str) -> str:
    """A surname, given name or patronymic; one letter is enough.

    Raises:
        PydanticCustomError: NAME_WITHOUT_LETTERS, TEXT_TOO_LONG, MIXED_ALPHABETS or those of `tidy`.
    """
    text = check_one_alphabet(tidy(value))
    if not _LETTER_RUN.search(text):
        raise fault("NAME_WITHOUT_LETTERS")
    if len(text) > MAX_NAME:
        raise fault("TEXT_TOO_LONG")
    return text


def comparable(text: str) -> str:
    """A form in which ё and е, composed and decomposed letters and upper case are equal."""
    folded = unicodedata.normalize("NFC", text).casefold().replace("ё", "е")
    return _SPACES.sub(" ", folded).strip()


_ABBREVIATIONS = frozenset(
    """
    ано втуз вту гапоу гау гбоу гбпоу гоу гпоу зао кгапоу кгбпоу мбоу ноу нпо оао огапоу огбпоу
    ооо пао поу птк птл пту рф спб спо спту ссуз суз фгбоу фгбпоу фгбу фгоу чоу чпоу
    """.split()  # noqa: SIM905 - thirty quoted words are harder to read
)
"""Abbreviations refused however they are written; longer words are never abbreviations."""
_DOTTED = re.compile(r"(?<!\w)(?:[^\W\d_]{2,6}\.(?=.)|[^\W\d_]{2,3}\.$|[a-zа-яё]\.)")
"""A short word with a full stop; at the very end only a very short one, else it ends a sentence."""
_WORD = re.compile(r"[^\W\d_]+")


def check_unabbreviated(text: str) -> str:
    """Refuse abbreviations in the name of an institution or a specialty (R1).

    An abbreviation is a word of the list above, a word of two to six letters that ends
    with a full stop (им., гос., техн.), a small letter with a full stop (г.), or a word in
    capitals of two letters or more in a text that is not all capitals. An initial (В. И.)
    and a Roman numeral (Екатерины II) are none.

    Raises:
        PydanticCustomError: ABBREVIATION.
    """
    words = _WORD.findall(text)
    shouted = text.upper() == text
    for word in words:
        if word.lower() in _ABBREVIATIONS:
            raise fault("ABBREVIATION")
        if not shouted and len(word) > 1 and word.isupper() and not _ROMAN.fullmatch(word):
            raise fault("ABBREVIATION")
    if _DOTTED.search(text):
        raise fault("ABBREVIATION")
    return text


def full_title(value: str) -> str:
    """The full, unabbreviated name of an institution or a specialty.

    Raises:
        PydanticCustomError: TEXT_TOO_SHORT, TEXT_TOO_LONG, MIXED_ALPHABETS, ABBREVIATION or
            those of `tidy`.
    """
    text = check_unabbreviated(check_one_alphabet(tidy(value)))
    if sum(symbol.isalpha() for symbol in text) < LEAST_TITLE:
        raise fault("TEXT_TOO_SHORT")
    if len(text) > MAX_LINE:
        raise fault("TEXT_TOO_LONG")
    return text


def line_of_text(value: str) -> str:
    """An address, a place or a remark of at most 300 characters.

    Raises:
        PydanticCustomError: TEXT_TOO_SHORT, TEXT_TOO_LONG or those of `tidy`.
    """
    text = tidy(value)
    if not any(symbol.isalnum() for symbol in text):
        raise fault("TEXT_TOO_SHORT")
    if len(text) > MAX_LINE:
        raise fault("TEXT_TOO_LONG")
    return text
