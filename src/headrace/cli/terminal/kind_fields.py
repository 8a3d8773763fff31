"""The fields of the inputs of a kind, in the words of a table: its JSON Schema says them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import msgspec

from headrace.contracts.file_fields import ACCEPT_KEYWORD, FILE_KEYWORD

_WORDS = {"string": "text", "boolean": "true or false", "integer": "integer", "number": "number", "object": "object"}
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
    """Yield each field of an input, in the order of the kind; none of an input that is a union."""
    top = _referred(schema, schema)
    required = top.get("required", ())
    for name, each in cast("dict[str, Schema]", top.get("properties", {})).items():
        parts = [each, *_members(each)]
        about = next((str(part["description"]) for part in parts if "description" in part), "")
        media_types = next((", ".join(part[ACCEPT_KEYWORD]) for part in parts if ACCEPT_KEYWORD in part), "")
        words = [*inspect.cleandoc(about).splitlines()[:1], *([f"({media_types})"] if media_types else [])]
        default = each.get("default")
        otherwise = "required" if name in required else "" if default is None else msgspec.json.encode(default).decode()
        yield KindField(name, _takes(each, schema), otherwise, " ".join(words))


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
