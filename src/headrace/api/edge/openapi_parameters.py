"""The parameters of operations, as the OpenAPI document has them: with the patterns that the routes check by themselves."""

from __future__ import annotations

from headrace.api.edge.openapi_components import Json
from headrace.contracts.tasks import ID_PATTERN, KIND_PATTERN

POSITION_PATTERN = r"^[0-9]{1,19}-[0-9]{1,19}$"
# An empty id of the last event is none (WHATWG HTML, section 9.2.6).
_POSITION_OR_NONE = r"^([0-9]{1,19}-[0-9]{1,19})?$"
_PATTERNS = {
    "at_least": POSITION_PATTERN,
    "after": POSITION_PATTERN,
    "Last-Event-ID": _POSITION_OR_NONE,
    "cursor": r"^[A-Za-z0-9_-]+$",
}
_PATTERNS_IN_PATH = {
    "task": ID_PATTERN,
    "batch": ID_PATTERN,
    "schedule": ID_PATTERN,
    "user": ID_PATTERN,
    "kind": KIND_PATTERN,
    "session": ID_PATTERN,
    "key": ID_PATTERN,
    "file": ID_PATTERN,
}
# Times with a time zone, which the routes read by themselves.
_INSTANTS = frozenset({"since", "before"})


def complete_parameters(operation: Json) -> None:
    """Complete the parameters of an operation."""
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"] = _without_null(parameter["schema"])
        patterns = _PATTERNS_IN_PATH if parameter["in"] == "path" else _PATTERNS
        if pattern := patterns.get(parameter["name"]):
            schema["pattern"] = pattern
        elif parameter["name"] in _INSTANTS:
            schema["format"] = "date-time"
        if schema.get("description") == parameter.get("description"):
            schema.pop("description", None)


def _without_null(schema: Json) -> Json:
    """Return the schema of a parameter: one that is left out is not null, which a query cannot say."""
    alternatives = [each for each in schema.get("oneOf", ()) if each != {"type": "null"}]
    if len(alternatives) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name != "oneOf"}, **alternatives[0]}
