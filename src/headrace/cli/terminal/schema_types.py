"""Write a JSON Schema as a type of TypeScript. What a type cannot say, such as a range or a pattern, is left out."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

DEFINITION = "#/$defs/"
UNKNOWN = "unknown"
DEPTH_MAX = 32  # of a schema in itself; what is below may be of any type, so that no worker's schema fills the stack

_SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_OBJECT = "object"
_ARRAY = "array"


class TypeWriter:
    """Writes the schemas of one kind.

    Args:
        names: The names of the types for its definitions.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def declare(self, name: str, schema: Any) -> str:
        """Return the declaration of a type, which ends with a line break."""
        written = self.write(schema)
        return (
            f"export interface {name} {written}\n" if _has_properties(schema) else f"export type {name} = {written};\n"
        )

    def write(self, schema: Any, depth: int = 0) -> str:
        """Return the type of what a schema accepts; `unknown` where it does not say."""
        if schema is False:
            return "never"
        told = fields_of(schema)
        if depth > DEPTH_MAX:
            return UNKNOWN
        if "$ref" in told:
            return self._names.get(str(told["$ref"]).removeprefix(DEFINITION), UNKNOWN)
        if "const" in told:
            return _literal(told["const"])
        if isinstance(told.get("enum"), list):
            return _union(_literal(each) for each in told["enum"])
        for keyword, join in (("anyOf", _union), ("oneOf", _union), ("allOf", _intersection)):
            if isinstance(told.get(keyword), list):
                return join(self.write(each, depth + 1) for each in told[keyword])
        return self._write_types(told, depth)

    def _write_types(self, schema: dict[str, Any], depth: int) -> str:
        named = schema.get("type", _OBJECT if "properties" in schema else None)
        types = cast("list[Any]", named) if isinstance(named, list) else [named]
        return _union(self._write_type(each, schema, depth) for each in types)

    def _write_type(self, name: Any, schema: dict[str, Any], depth: int) -> str:
        if name == _OBJECT:
            return self._write_object(schema, depth)
        if name == _ARRAY:
            return self._write_array(schema, depth)
        return _SCALARS.get(name, UNKNOWN) if isinstance(name, str) else UNKNOWN

    def _write_object(self, schema: dict[str, Any], depth: int) -> str:
        others = schema.get("additionalProperties", True)
        if not _has_properties(schema):
            return f"{{ [key: string]: {self.write(others, depth + 1)} }}"
        required = list_of(schema.get("required"))
        indent = "  " * (depth + 1)
        lines = [
            f"{_comment(each, indent)}{indent}{_key(name)}{'' if name in required else '?'}: {self.write(each, depth + 1)};\n"
            for name, each in schema["properties"].items()
        ]
        # Every field has to be of the type of the others, so with fields beside them they may be of any.
        rest = f"{indent}[key: string]: {UNKNOWN};\n" if isinstance(others, dict) else ""
        return f"{{\n{''.join(lines)}{rest}{'  ' * depth}}}"

    def _write_array(self, schema: dict[str, Any], depth: int) -> str:
        items = schema.get("items", True)
        first = schema.get("prefixItems")
        if not isinstance(first, list):
            return "[]" if items is False else _array_of(self.write(items, depth + 1))
        least = schema["minItems"] if isinstance(schema.get("minItems"), int) else 0
        places = [
            self.write(each, depth + 1) if index < least else f"{_grouped(self.write(each, depth + 1))}?"
            for index, each in enumerate(cast("list[Any]", first))
        ]
        if items is not False and schema.get("maxItems") != len(places):
            places.append(f"...{_array_of(self.write(items, depth + 1))}")
        return f"[{', '.join(places)}]"


def comment_of(schema: Any, indent: str = "") -> str:
    """Return the description of a schema as a comment that editors show, with a line break; empty without one."""
    said = fields_of(schema).get("description")
    if not isinstance(said, str) or not said.strip():
        return ""
    lines = inspect.cleandoc(said).replace("*/", "*\\/").splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def fields_of(schema: Any) -> dict[str, Any]:
    """Return the keywords of a schema; none of one that is true or false, or no schema at all."""
    return cast("dict[str, Any]", schema) if isinstance(schema, dict) else {}


def is_identifier(text: str) -> bool:
    """Tell whether a text is a name in TypeScript, which has those of Python and ``$``."""
    return text.replace("$", "_").isidentifier()


def list_of(value: Any) -> list[Any]:
    """Return a list, or an empty one in the place of anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def _has_properties(schema: Any) -> bool:
    return bool(fields_of(fields_of(schema).get("properties")))


def _comment(schema: Any, indent: str) -> str:
    """Return what a field says of itself; one that may be null says it in the other of its types."""
    keywords = fields_of(schema)
    if "description" in keywords:
        return comment_of(schema, indent)
    said = [comment for each in list_of(keywords.get("anyOf")) if (comment := comment_of(each, indent))]
    return said[0] if len(said) == 1 else ""


def _literal(value: Any) -> str:
    is_scalar = value is None or isinstance(value, (str, bool, int, float))
    return msgspec.json.encode(value).decode() if is_scalar else UNKNOWN


def _union(types: Iterable[str]) -> str:
    """Join types, each of which is named once; whatever is beside `unknown` says nothing."""
    each = list(dict.fromkeys(types))
    return UNKNOWN if UNKNOWN in each else " | ".join(each) or "never"


def _intersection(types: Iterable[str]) -> str:
    each = [one for one in dict.fromkeys(types) if one != UNKNOWN]
    return " & ".join(map(_grouped, each)) or UNKNOWN


def _array_of(item: str) -> str:
    return f"{_grouped(item)}[]"


def _grouped(written: str) -> str:
    """Return a type so that what follows is about the whole of it, also when it has several words."""
    return f"({written})" if " " in written else written


def _key(name: str) -> str:
    return name if is_identifier(name) else msgspec.json.encode(name).decode()
