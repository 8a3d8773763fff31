"""The fields of the input and the result of a kind, in the words of a table: its JSON Schema says them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple, cast

import msgspec

from headrace.contracts.file_fields import ACCEPT_KEYWORD, FILE_KEYWORD

DEPTH_MAX = 3  # levels below the fields of an input; an object may have itself as a field
FIELDS_MAX = 200  # lines; the fields of objects that are used again and again multiply

_WORDS = {
    "string": "text",
    "boolean": "true or false",
    "integer": "integer",
    "number": "number",
    "object": "object",
    "null": "nothing",
}
_INDENT = "  "
_DEFINITIONS = "#/$defs/"
_ANYTHING = "any JSON"

Schema = dict[str, Any]


class KindField(NamedTuple):
    """A field: its name, what it takes, its default or that it is required, and what it is about."""

    name: str
    takes: str
    otherwise: str
    about: str


def fields_of(schema: Schema) -> Iterator[KindField]:
    """Yield each field of an input or a result, in the order of the kind, and indented below it those of the objects in it.

    There are none of a union of objects, whose JSON Schema has more to say than a table. A line with ``…`` is where fields are
    left out: below `DEPTH_MAX`, after `FIELDS_MAX`, and where a field takes one of several objects.
    """
    fields = _fields_of(_object_in(schema, schema), schema, 0)
    yield from islice(fields, FIELDS_MAX)
    if next(fields, None) is not None:
        yield _left_out(0)


def result_of(schema: Schema) -> str:
    """Say in a few words what a result is."""
    may_be_nothing = {"type": "null"} in schema.get("anyOf", [])
    return _takes(schema, schema) + (" or nothing" if may_be_nothing else "")


def _fields_of(part: Schema | None, whole: Schema, depth: int) -> Iterator[KindField]:
    """Yield the fields of an object and those below them; None is for what has several forms."""
    if part is None or (depth > DEPTH_MAX and part.get("properties")):
        yield from () if depth == 0 else (_left_out(depth),)
        return
    required = part.get("required", ())
    for name, each in cast("dict[str, Schema]", part.get("properties", {})).items():
        yield _field(name, each, whole, depth, is_required=name in required)
        yield from _fields_of(_object_in(each, whole), whole, depth + 1)


def _field(name: str, part: Schema, whole: Schema, depth: int, *, is_required: bool) -> KindField:
    parts = [part, *_members(part)]
    about = next((str(each["description"]) for each in parts if "description" in each), "")
    media_types = next((", ".join(each[ACCEPT_KEYWORD]) for each in parts if ACCEPT_KEYWORD in each), "")
    words = [*inspect.cleandoc(about).splitlines()[:1], *([f"({media_types})"] if media_types else [])]
    default = part.get("default")
    otherwise = "required" if is_required else "" if default is None else msgspec.json.encode(default).decode()
    return KindField(_INDENT * depth + name, _takes(part, whole), otherwise, " ".join(words))


def _left_out(depth: int) -> KindField:
    return KindField(f"{_INDENT * depth}…", "", "", "--json has the rest")


def _object_in(part: Schema, whole: Schema) -> Schema | None:
    """Return the object that a value is or has in its list; an empty one for other values, None where there are several."""
    part = _referred(part, whole)
    # Lists in lists end, because a schema without references does, and with one it is followed `DEPTH_MAX` times.
    for _ in range(DEPTH_MAX):
        inner = members[0] if len(members := _members(part)) == 1 else part.get("items")
        if not isinstance(inner, dict):
            break
        part = _referred(cast("Schema", inner), whole)
    if part.get(FILE_KEYWORD) is True:
        return {}
    is_object = [_referred(each, whole).get("type") == "object" for each in _members(part)]
    return None if any(is_object) else part


def _takes(part: Schema, whole: Schema) -> str:
    """Say in a few words what values a part of a schema describes."""
    part = _referred(part, whole)
    if part.get(FILE_KEYWORD) is True:
        return "file"
    if isinstance(part.get("enum"), list):
        return f"one of {', '.join(map(str, part['enum']))}"
    if members := _members(part):
        return " or ".join(dict.fromkeys(_takes(each, whole) for each in members))
    if part.get("type") == "array":
        items = part.get("items")
        return f"list: {_takes(cast('Schema', items), whole)}" if isinstance(items, dict) else "list"
    return _WORDS.get(str(part.get("type")), _ANYTHING)


def _members(part: Schema) -> list[Schema]:
    """Return the schemas of a union but that of null, which is for fields that may be left out."""
    return [each for each in cast("list[Schema]", part.get("anyOf", [])) if each.get("type") != "null"]


def _referred(part: Schema, whole: Schema) -> Schema:
    name = str(part.get("$ref", "")).removeprefix(_DEFINITIONS)
    return cast("dict[str, Schema]", whole.get("$defs", {})).get(name, part)
