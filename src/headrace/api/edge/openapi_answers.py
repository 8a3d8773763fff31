"""The schemas of answers: an answer always has all of its fields, while a request may leave out those that have a default."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

from msgspec import UNSET
from msgspec.structs import fields

from headrace.api.edge.openapi_components import SCHEMAS, Json, operations_of, reachable, refer_to
from headrace.contracts.problems import Problem

# The only answers without some of their fields.
_LEFT_OUT = {
    (struct.__name__, field.encode_name) for struct in (Problem,) for field in fields(struct) if field.default is UNSET
}


def require_answered_fields(document: Json, bodies: Iterable[str]) -> None:
    """Require in each schema of an answer every field. One that is also taken gets a second schema for answers, its view.

    Args:
        document: The document, which is changed.
        bodies: The names of the schemas of bodies, also of those that another document has: a view has one name in all of them.
    """
    schemas: Json = document["components"]["schemas"]
    answers = [operation["responses"] for operation in operations_of(document)]
    asked = [[operation.get("requestBody"), operation.get("parameters")] for operation in operations_of(document)]
    answered = {name for name in reachable(schemas, answers) if "properties" in schemas[name]}
    views = {
        name: f"{name}View"
        for name in answered & reachable(schemas, asked, [{"$ref": SCHEMAS + each} for each in bodies])
    }
    for name, view in views.items():
        schemas[view] = {**deepcopy(schemas[name]), "title": view}
        # A reader takes no offence at what it does not know.
        schemas[view].pop("additionalProperties", None)
    shown = {views.get(name, name) for name in answered}
    for name in shown:
        _require(name, schemas[name])
    refer_to([answers, [schemas[name] for name in sorted(shown)]], views)


def _require(name: str, schema: Json) -> None:
    required = [each for each in sorted(schema["properties"]) if (name, each) not in _LEFT_OUT]
    if required:
        schema["required"] = required
    for described in schema["properties"].values():
        described.pop("default", None)
