"""Valid JSON documents with a few parts replaced, removed, doubled, wrapped or retyped."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Place = tuple[Any, Any]
"""A dictionary or a list, and a key or an index in it."""

NUMBERS_AS_TEXT = {name: f"@{name}@" for name in ("1e400", "-1e400", "1e-400", "9" * 5000, "-0")}
"""Numbers that Python would write in another way, or not at all, and what stands for each here."""
MORE_THAN_ALLOWED = 61
"""Of a list: no application has so many scans."""
WAYS = ("remove", "replace", "add", "double", "wrap", "retype", "copy from elsewhere")

marks = st.text("ЖЩЪЫ", min_size=1, max_size=6)
"""What a person typed: letters in an order that no word of ours has."""
odd_texts = st.text(max_size=20) | st.sampled_from(
    [
        *("", " ", "\n", "\u202e", "\u200b", "\ud800", "\x00", "null", "NaN", "0", "1e5", "٣"),
        *("2026-02-30", "2026-05-20", "0001-01-01", "{{ 7 * 7 }}", "[bold]", "a@example.org"),
    ]
)
odd_numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 10**30, 10**299, *NUMBERS_AS_TEXT.values()])
)
_flat = st.none() | st.booleans() | odd_numbers | marks | odd_texts


def _deep(value: Any, levels: int, *, in_lists: bool) -> Any:
    for _ in range(levels):
        value = [value] if in_lists else {"x": value}
    return value


junk: st.SearchStrategy[Any] = st.recursive(
    _flat,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(marks | odd_texts, inner, max_size=3)
    ),
    max_leaves=6,
) | st.builds(_deep, _flat, st.integers(1, 220), in_lists=st.booleans())


def places(value: Any) -> Iterator[Place]:
    """Every place inside of a document."""
    pairs = enumerate(value) if isinstance(value, list) else value.items()
    for key, inner in pairs:
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def _change(draw: st.DrawFn, inside: Any, key: Any, whole: Any) -> None:
    """Change one place of a document in a way that somebody's program or hand might have."""
    value = inside[key]
    match draw(st.sampled_from(WAYS)):
        case "remove":
            del inside[key]
        case "replace":
            inside[key] = draw(junk)
        case "add" if isinstance(inside, list):
            inside.append(draw(junk))
        case "add":
            inside[draw(marks | odd_texts)] = draw(junk)
        case "double" if isinstance(inside, list):
            inside[key:key] = [value] * draw(st.integers(1, MORE_THAN_ALLOWED))
        case "double":
            inside[f"{key}_"] = value
        case "wrap":
            inside[key] = _deep(value, draw(st.integers(1, 30)), in_lists=draw(st.booleans()))
        case "retype":
            ways = [str(value), [value], value is True, len(str(value)), 1.0, None]
            inside[key] = draw(st.sampled_from(ways))
        case "copy from elsewhere":
            known = list(places(whole))
            other, name = known[draw(st.integers(0, len(known) - 1))]
            inside[key] = deepcopy(other[name])


@st.composite
def mutated(draw: st.DrawFn, original: Any) -> Any:
    """A document with up to three changes anywhere in it."""
    document = deepcopy(original)
    for _ in range(draw(st.integers(0, 3))):
        known = list(places(document))
        if not known:
            break
        inside, key = known[draw(st.integers(0, len(known) - 1))]
        _change(draw, inside, key, document)
    return document


def as_json(document: Any) -> str:
    """The document as JSON text, or what some take for JSON: NaN, half of a surrogate pair."""
    text = json.dumps(document)
    for name, stand_in in NUMBERS_AS_TEXT.items():
        text = text.replace(f'"{stand_in}"', name)
    return text
