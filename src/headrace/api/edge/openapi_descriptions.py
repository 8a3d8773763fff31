"""What schemas say of themselves, and what fields say of those that they refer to.

Litestar keeps what a field says, and its default, in the schema that the field refers to. A schema that several fields share would say what only
one of them means. So both come from the types: a schema says what its type's docstring says, and a field keeps its own words.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, cast

import msgspec
from msgspec import Struct

from headrace.api.edge.openapi_components import SCHEMAS, Json, operations_of

# Whose types have names of their own.
_MODULES = ("headrace.contracts.", "headrace.health")


def describe_types(document: Json) -> None:
    """Let each schema of a document say what its type says, and each field what it says itself.

    Args:
        document: The document, which is changed.
    """
    schemas: Json = document["components"]["schemas"]
    types = [each for each in _own_types() if each.__name__ in schemas]
    _, told = msgspec.json.schema_components(types, ref_template=SCHEMAS + "{name}")
    for name in schemas.keys() & told.keys():
        schema, said = schemas[name], told[name]
        schema["description"] = on_one_line(said.get("description", ""))
        for field, described in schema.get("properties", {}).items():
            if "description" in said["properties"].get(field, {}):
                described["description"] = said["properties"][field]["description"]
    _keep_defaults_at_parameters(document)


def allow_any_names(said: object) -> None:
    """Say of each object about whose names nothing is said that it may have any; generators of clients take it for an empty one.

    Args:
        said: A part of a document, which is changed.
    """
    if isinstance(said, list):
        for each in cast("list[object]", said):
            allow_any_names(each)
    elif isinstance(said, dict):
        part = cast("Json", said)
        if part.get("type") == "object" and not part.keys() & {"properties", "additionalProperties"}:
            part["additionalProperties"] = True
        for each in part.values():
            allow_any_names(each)


def on_one_line(docstring: str) -> str:
    """Return the sentences of a docstring without its line breaks."""
    return " ".join(docstring.split())


def _own_types() -> Iterator[type[Any]]:
    for base in (Struct, Enum):
        for each in _subclasses(base):
            if each.__module__.startswith(_MODULES):
                yield each


def _subclasses(of: type[Any]) -> Iterator[type[Any]]:
    for each in of.__subclasses__():
        yield each
        yield from _subclasses(each)


def _keep_defaults_at_parameters(document: Json) -> None:
    schemas: Json = document["components"]["schemas"]
    for operation in operations_of(document):
        for parameter in operation.get("parameters", ()):
            shared = schemas.get(parameter["schema"].get("$ref", "").removeprefix(SCHEMAS), {})
            if "default" in shared:
                parameter["schema"]["default"] = shared["default"]
    for schema in schemas.values():
        schema.pop("default", None)
