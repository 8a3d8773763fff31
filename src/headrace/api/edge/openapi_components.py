"""The components of an OpenAPI document: what its operations reach, and which of its schemas are for answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

Json = dict[str, Any]

SCHEMAS = "#/components/schemas/"


def operations_of(document: Json) -> Iterator[Json]:
    """Yield the operations of a document."""
    for operations in document["paths"].values():
        yield from operations.values()


def reachable(schemas: Json, *said: object) -> set[str]:
    """Return the names of the schemas that parts of a document refer to, directly or through other schemas."""
    found: set[str] = set()
    new = set(_references(said))
    while new:
        found |= new
        new = {each for name in new for each in _references(schemas[name])} - found
    return found


def keep_reachable(document: Json, roots: Iterable[str]) -> None:
    """Drop the schemas that nothing in a document refers to, so that it has none of another mount's.

    Args:
        document: The document, which is changed.
        roots: The names of the schemas that stay nevertheless, with what they refer to.
    """
    components = document["components"]
    schemas: Json = components["schemas"]
    kept = reachable(schemas, document["paths"], components.get("responses", {}), [_reference(each) for each in roots])
    components["schemas"] = {name: schemas[name] for name in sorted(kept)}


def refer_to(said: object, names: dict[str, str]) -> None:
    """Change the references of a part of a document to other schemas.

    Args:
        said: The part, which is changed.
        names: The new names, by the old ones.
    """
    if isinstance(said, list):
        for each in cast("list[object]", said):
            refer_to(each, names)
    elif isinstance(said, dict):
        part = cast("Json", said)
        for name, value in part.items():
            if name == "$ref" and str(value).removeprefix(SCHEMAS) in names:
                part[name] = SCHEMAS + names[str(value).removeprefix(SCHEMAS)]
            else:
                refer_to(value, names)


def _references(said: object) -> Iterator[str]:
    if isinstance(said, list | tuple):
        for each in cast("list[object]", said):
            yield from _references(each)
    elif isinstance(said, dict):
        for name, value in cast("Json", said).items():
            if name == "$ref" and str(value).startswith(SCHEMAS):
                yield str(value).removeprefix(SCHEMAS)
            else:
                yield from _references(value)


def _reference(name: str) -> Json:
    return {"$ref": SCHEMAS + name}
