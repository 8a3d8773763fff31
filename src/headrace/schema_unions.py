"""Unions of a JSON Schema that name the field by which their members differ, spelled out for a validator.

A validator takes `anyOf` for alternatives and compares a value with each, also to say what is wrong with it. In a type that
contains itself each level does so for each member, so the time doubles with each level: a wrong input of 300 bytes would take
longer than anybody waits. The value of the field says which member is meant, so only that one needs to be looked at, and what is
wrong with it is told by its own place.
"""

from __future__ import annotations

from typing import Any, cast

Schema = dict[str, Any]

_DEFINITIONS = "#/$defs/"


def spell_out_unions(schema: Schema) -> Schema:
    """Return a schema with `if` and `then` for the members of each union whose `discriminator` names their field."""
    definitions = schema.get("$defs")
    known = cast("Schema", definitions) if isinstance(definitions, dict) else {}
    return cast("Schema", _spell_out(schema, known))


def _spell_out(part: Any, definitions: Schema) -> Any:
    if isinstance(part, list):
        return [_spell_out(each, definitions) for each in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    schema = cast("Schema", part)
    spelled = {
        name: value if name in ("default", "enum", "const", "examples") else _spell_out(value, definitions)
        for name, value in schema.items()
    }
    match schema:
        case {"anyOf": [*members], "discriminator": {"propertyName": str(field)}}:
            values = [_values_of(member, field, definitions) for member in members]
            if all(values):
                del spelled["anyOf"]
                return spelled | _by_field(field, members, values)
        case _:
            pass
    return spelled


def _by_field(field: str, members: list[Any], values: list[list[Any]]) -> Schema:
    return {
        "type": "object",
        "required": [field],
        "properties": {field: {"enum": [each for of_member in values for each in of_member]}},
        "allOf": [
            {"if": {"properties": {field: {"enum": of_member}}, "required": [field]}, "then": member}
            for member, of_member in zip(members, values, strict=True)
        ],
    }


def _values_of(member: Any, field: str, definitions: Schema) -> list[Any]:
    """Return the values that the field has in a member of a union; none when the schema does not say them."""
    match member:
        case {"$ref": str(name)}:
            found = definitions.get(name.removeprefix(_DEFINITIONS))
        case _:
            found = None
    match found:
        case {"properties": {**properties}} if isinstance(properties.get(field), dict):
            values = properties[field].get("enum")
            return cast("list[Any]", values) if isinstance(values, list) else []
        case _:
            return []
