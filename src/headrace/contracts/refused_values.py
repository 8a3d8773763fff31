"""What is said of a value that is refused, in a request or in a setting.

msgspec names types of Python, and a pattern as it is written. Here is what people are told instead: of a pattern what it means, of
a choice what there is to choose from, of a field that does not exist which ones do.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Any, Final

from msgspec import inspect

from headrace.contracts.patterns import meaning_of
from headrace.contracts.problems import FieldError, split_path

SHOWN_CHARS = 80  # of what somebody has sent
NEAR = 0.65  # how alike two names are, from 0 to 1, of which one may be meant by the other; `state` and `after` are not

_NAMES: Final = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "array": "an array",
    "object": "an object",
    "datetime": "a time",
}
_NO_TIME = "this is not a time with a time zone (RFC 3339), such as 2026-01-31T09:00:00Z"
_BOUNDS: Final = {">=": "{} or more", "<=": "{} or less", ">": "more than {}", "<": "less than {}"}
_UNITS: Final = {"str": "character", "array": "item", "object": "entry"}
_STEP = re.compile(r"\[(?:\d+|\.\.\.)\]|\.([^.\[]+)")


def explain(message: str, of: Any = Any) -> FieldError:
    """Return what is wrong, and where, from the message of a msgspec error.

    Args:
        message: The message.
        of: The type that was to be read.
    """
    text, path = split_path(message)
    of_key = text.removeprefix("a key: ")
    for said, explanation in _EXPLANATIONS:
        if found := said.fullmatch(of_key):
            where = message[message.rfind("`$") + 2 : -1] if path or message.endswith("`") else ""
            explained = explanation(found, of, where)
            return FieldError(path=path, message=explained if of_key == text else _of_name(explained))
    return FieldError(path=path, message=text)


def name_known(wrong: str, given: str, known: Iterable[str]) -> str:
    """Return a sentence about a name that does not exist, with the one that is closest to it and all that there are."""
    known = list(known)
    near = get_close_matches(given[:SHOWN_CHARS].lower(), known, n=1, cutoff=NEAR)
    guess = f" (did you mean {near[0]!r}?)" if near else ""
    return f"{wrong}{guess}; there are {', '.join(known)}" if known else wrong


def _of_name(explained: str) -> str:
    said = explained.removeprefix("this ")
    return f"a name in it: {explained}" if said == explained else f"a name in it {said}"


def _of_cut_off(*_: Any) -> str:
    return "this is no JSON, or it is truncated"


def _of_pattern(found: re.Match[str], *_: Any) -> str:
    # msgspec shows the pattern as Python writes it.
    meaning = meaning_of(ast.literal_eval(found[1]))
    return f"this does not match the pattern {found[1]}" if meaning is None else f"this is not {meaning}"


def _of_choice(found: re.Match[str], of: Any, where: str) -> str:
    given = found[1].strip("'\"")
    return name_known(f"{given[:SHOWN_CHARS]!r} is not possible here", given, _choices(_types_at(of, where)))


def _of_unknown_field(found: re.Match[str], of: Any, where: str) -> str:
    given = found[1]
    types = _types_at(of, where)
    fields = (field.encode_name for each in types if isinstance(each, inspect.StructType) for field in each.fields)
    return name_known(f"there is no field {given[:SHOWN_CHARS]!r} here", given, fields)


def _of_missing_field(found: re.Match[str], *_: Any) -> str:
    return f"the field {found[1]!r} is missing"


def _of_time(*_: Any) -> str:
    return _NO_TIME


def _of_length(found: re.Match[str], *_: Any) -> str:
    type_, relation, count = found[1], found[2], int(found[3])
    if (relation, count) == (">=", 1):
        return "this may not be empty"
    unit = _UNITS.get(type_, "item")
    units = unit if count == 1 else f"{unit[:-1]}ies" if unit.endswith("y") else f"{unit}s"
    return f"this has to have at {'least' if relation == '>=' else 'most'} {count} {units}"


def _of_bound(found: re.Match[str], *_: Any) -> str:
    return f"this has to be {_BOUNDS[found[1]].format(found[2].removesuffix('.0'))}"


def _of_type(found: re.Match[str], *_: Any) -> str:
    expected = " or ".join(_NAMES.get(each, each) for each in found[1].split(" | "))
    return f"this has to be {expected}, not {_NAMES.get(found[2], found[2])}"


# What msgspec says, and what is said instead. Whatever it says besides is shown as it is.
_EXPLANATIONS: Final[list[tuple[re.Pattern[str], Callable[[re.Match[str], Any, str], str]]]] = [
    (re.compile(r"Expected `str` matching regex (.+)", re.DOTALL), _of_pattern),
    (re.compile(r"Invalid (?:enum )?value (.+)", re.DOTALL), _of_choice),
    (re.compile(r"Object contains unknown field `(.*)`", re.DOTALL), _of_unknown_field),
    (re.compile(r"Object missing required field `(.*)`"), _of_missing_field),
    (re.compile(r"Expected `(\w+)` of length (>=|<=) (\d+)"), _of_length),
    (re.compile(r"Expected `(?:int|float)` (>=|<=|>|<) (\S+)"), _of_bound),
    (re.compile(r"Invalid RFC3339 encoded datetime|Expected `datetime` with a timezone .*"), _of_time),
    (re.compile(r"Input data was truncated"), _of_cut_off),
    (re.compile(r"Expected `([^`]+)`, got `(\w+)`"), _of_type),
]


def _choices(types: list[inspect.Type]) -> Iterator[str]:
    for each in types:
        if isinstance(each, inspect.EnumType):
            yield from (str(member.value) for member in each.cls)
        elif isinstance(each, inspect.LiteralType):
            yield from map(str, each.values)


def _types_at(of: Any, where: str) -> list[inspect.Type]:
    """Return the types that a value may have at a place, as ``.a[0].b``; none where the type says nothing of the place."""
    types = [*_options(inspect.type_info(of))]
    for step in _STEP.finditer(where):
        types = [option for each in types for inner in _inside(each, step[1]) for option in _options(inner)]
    return types


def _options(type_: inspect.Type) -> Iterator[inspect.Type]:
    if isinstance(type_, inspect.Metadata):
        yield from _options(type_.type)
    elif isinstance(type_, inspect.UnionType):
        for each in type_.types:
            yield from _options(each)
    else:
        yield type_


def _inside(type_: inspect.Type, name: str | None) -> Iterator[inspect.Type]:
    if isinstance(type_, inspect.StructType):
        yield from (field.type for field in type_.fields if field.encode_name == name)
    elif isinstance(type_, inspect.DictType):
        yield type_.value_type
    elif isinstance(type_, inspect.ListType):
        yield type_.item_type
