"""The examples with a marker in every field that says something about a person."""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from terminal import EXAMPLES

LETTERS = "абвгдежзиклмнопрстуфхцчшэюя"
PASSPORT_DIGITS, BLANK_DIGITS = 6, 7
HEADS = {"surname": "Приметова", "given_name": "Знака", "patronymic": "Меткина"}


class Marked:
    """A copy of the examples with markers, and what they are."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Copy the examples, and put markers where something personal was.

        Args:
            folder: For the copy; made.
            seed: The same seed makes the same markers.
        """
        self._random = random.Random(seed)
        self._known: dict[tuple[str, str], str] = {}
        shutil.copytree(EXAMPLES, folder)
        for file in sorted(folder.rglob("*.json")):
            content = json.loads(file.read_text(encoding="utf-8"))
            marked = self._marked(content, file.stem, "")
            file.write_text(json.dumps(marked, ensure_ascii=False), encoding="utf-8")

    @property
    def values(self) -> set[str]:
        """All markers."""
        return set(self._known.values())

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Every marker, and the ways it may be written down."""
        for value in self.values:
            # So few digits may come by chance, in the fraction of a second for one.
            bare = f'"{value}"' if len(value) <= BLANK_DIGITS else value
            for text in {bare, bare.replace("-", "").replace(" ", ""), bare.removeprefix("+")}:
                yield value, text.encode()
                yield value, text.encode("utf-16-le")
                if not text.isascii():
                    yield value, json.dumps(text)[1:-1].encode()

    def _marked(self, content: Any, file: str, name: str) -> Any:
        if isinstance(content, dict):
            if name == "simulation":
                return content
            if name in {"blank", "passport"}:
                return {**content, "number": self._marker(file, name, content["number"])}
            return {key: self._marked(value, file, key) for key, value in content.items()}
        if isinstance(content, list):
            return [self._marked(item, file, name) for item in content]
        if name in _MAKERS and isinstance(content, str):
            return self._marker(file, name, content)
        if name == "name" and content.rpartition(".")[2] in {"pdf", "jpg", "jpeg", "png"}:
            return self._marker(file, "file name", content)
        return content

    def _marker(self, file: str, name: str, former: str) -> str:
        """What was equal stays equal, within an example and its corrections."""
        whose = file.removesuffix("-1").removesuffix("-2").lstrip("0123456789-")
        key = (name, f"{whose} {former}")
        if key not in self._known:
            self._known[key] = _MAKERS[name](self._random, former)
        return self._known[key]


def _letters(dice: random.Random, count: int = 8) -> str:
    return "".join(dice.choice(LETTERS) for _ in range(count))


def _digits(dice: random.Random, count: int) -> str:
    return "".join(dice.choice("123456789") for _ in range(count))


def _snils(dice: random.Random, _: str) -> str:
    digits = _digits(dice, 9)
    check = sum(int(digit) * (9 - place) for place, digit in enumerate(digits)) % 101 % 100
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]} {check:02}"


_MAKERS: dict[str, Any] = {
    **{name: lambda dice, _, head=head: head + _letters(dice) for name, head in HEADS.items()},
    "snils": _snils,
    "email": lambda dice, _: f"marker.{_digits(dice, 9)}@example.org",
    "phone": lambda dice, _: f"+7916{_digits(dice, 7)}",
    "address": lambda dice, _: f"119019, Москва, улица {_letters(dice).capitalize()}, дом 10",
    "issued_in": lambda dice, _: f"Приметск-{_letters(dice).capitalize()}",
    "reference": lambda dice, _: f"portal-marker-{_digits(dice, 9)}",
    "birth_date": lambda dice, _: (
        f"19{dice.randint(60, 69)}-0{dice.randint(1, 9)}-1{dice.randint(0, 9)}"
    ),
    "blank": lambda dice, _: _digits(dice, BLANK_DIGITS),
    "passport": lambda dice, _: _digits(dice, PASSPORT_DIGITS),
    "file name": lambda dice, former: f"marker_{_digits(dice, 9)}.{former.rpartition('.')[2]}",
}
