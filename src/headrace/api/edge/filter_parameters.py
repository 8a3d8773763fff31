"""The filter of tasks in the query of a route: the same fields as in the body of a bulk action, read and documented in one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any, ClassVar, Final

import msgspec
from litestar.openapi.spec import OpenAPIFormat, OpenAPIType, Parameter, Reference, Schema

from headrace.api.edge.openapi import OfAnyOwner
from headrace.api.edge.openapi_components import SCHEMAS
from headrace.api.edge.request import INSTANT_CHARS_MAX, AnyRequest, explain_joined, read_instant
from headrace.contracts.filters import DURATION_SECONDS_MAX, KINDS_MAX, TEXT_CHARS_MAX, Filter, Seconds
from headrace.contracts.fingerprints import FINGERPRINT_PATTERN
from headrace.contracts.labels import LABELS_MAX
from headrace.contracts.problems import FieldError
from headrace.contracts.refused_values import explain
from headrace.contracts.tasks import ID_PATTERN, KIND_PATTERN, FailureCode, State
from headrace.errors import MalformedRequest

LABEL: Final = "label"  # in a query, one `key=value`; in a body, one of `labels`
_LISTS: Final = ("state", "kind", "code")
_TEXTS: Final = ("batch", "schedule", "fingerprint", "q")
_INSTANTS: Final = ("created_from", "created_before", "finished_from", "finished_before")
_SECONDS: Final = ("slower_than", "waited_longer_than")


@dataclass
class Filtered(OfAnyOwner):
    """The operation of a route for the tasks that a filter in its query selects. The route reads it with `read_filter`."""

    QUERY_NAMES: ClassVar[tuple[str, ...]] = (*OfAnyOwner.QUERY_NAMES, *_LISTS, *_TEXTS, LABEL, *_INSTANTS, *_SECONDS)
    REPEATABLE: ClassVar[frozenset[str]] = frozenset({*_LISTS, LABEL})
    NOT_TEXTS: ClassVar[frozenset[str]] = frozenset({"state", "code", *_INSTANTS, *_SECONDS})

    def __post_init__(self) -> None:
        """Add the fields of the filter to the parameters."""
        super().__post_init__()
        described = msgspec.json.schema_components([Filter])[1]["Filter"]["properties"]
        for name, schema in _schemas().items():
            text = described["labels" if name == LABEL else name].get("description")
            parameter = Parameter(name=name, param_in="query", description=text, schema=schema)
            self.parameters = [*(self.parameters or ()), parameter]


def read_filter(request: AnyRequest) -> Filter:
    """Read the filter from the query of a request. The owner is not part of it: `caller` says whose tasks are asked for.

    Raises:
        MalformedRequest: A field cannot be read; the error names it.
    """
    query = request.query_params
    given: dict[str, Any] = {name: query.getall(name) for name in _LISTS if name in query}
    for name, values in given.items():
        if joined := next((each for each in values if "," in each), None):
            raise _refusal(name, explain_joined(name, joined))
    given |= {name: query[name] for name in _TEXTS if name in query}
    given |= {name: read_instant(name, query.get(name)) for name in _INSTANTS}
    given |= {name: _read_seconds(name, query[name]) for name in _SECONDS if name in query}
    if LABEL in query:
        given["labels"] = _read_labels(query.getall(LABEL))
    try:
        wanted = msgspec.convert(given, Filter)
    except msgspec.ValidationError as error:
        wrong = explain(str(error), Filter)
        field = wrong.path.removeprefix("/").partition("/")[0]
        raise _refusal(LABEL if field == "labels" else field, wrong.message) from error
    check_filter(wanted, "query ")
    return wanted


def check_filter(wanted: Filter, where: str) -> None:
    """Refuse what can be read, and cannot be: half of a character, and the first and last hours of the calendar.

    Args:
        wanted: The filter.
        where: What stands before the name of a field in the path of an error.

    Raises:
        MalformedRequest: A field has such a value; the error names it.
    """
    for name in _INSTANTS:
        try:
            if (instant := getattr(wanted, name)) is not None:
                instant.astimezone(UTC)
        except OverflowError as error:
            # In UTC it may be in a year before 1 or after 9999.
            raise _refusal(name, "there is no such time in UTC; leave it out, or say one in between", where) from error
    for name, text in (("q", wanted.q or ""), ("labels", "".join(wanted.labels.values()))):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _refusal(name, "this has half of a surrogate pair, which is no character", where) from error


def _read_seconds(name: str, text: str) -> float:
    try:
        return msgspec.convert(text, Seconds, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(name, explain(str(error)).message) from error


def _read_labels(given: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals:
            raise _refusal(LABEL, "a label is a key and a value, such as customer=42")
        if labels.setdefault(key, value) != value:
            raise _refusal(LABEL, f"no task has two values of {key!r}; say one")
    return labels


def _refusal(name: str, message: str, where: str = "query ") -> MalformedRequest:
    return MalformedRequest(f"{name}: {message}", [FieldError(path=f"{where}{name}", message=message)])


def _schemas() -> dict[str, Schema]:
    """Return the schema of each parameter."""
    text, number = OpenAPIType.STRING, OpenAPIType.NUMBER
    schemas = {
        "state": _list_of(Reference(f"{SCHEMAS}{State.__name__}"), len(State)),
        "kind": _list_of(Schema(type=text, pattern=KIND_PATTERN), KINDS_MAX),
        "code": _list_of(Reference(f"{SCHEMAS}{FailureCode.__name__}"), len(FailureCode)),
        "batch": Schema(type=text, max_length=64, pattern=ID_PATTERN),
        "schedule": Schema(type=text, max_length=64, pattern=ID_PATTERN),
        "fingerprint": Schema(type=text, pattern=FINGERPRINT_PATTERN),
        "q": Schema(type=text, max_length=TEXT_CHARS_MAX),
        LABEL: _list_of(Schema(type=text, pattern="="), LABELS_MAX),
    }
    schemas |= {
        name: Schema(type=text, format=OpenAPIFormat.DATE_TIME, max_length=INSTANT_CHARS_MAX) for name in _INSTANTS
    }
    return schemas | {name: Schema(type=number, minimum=0, maximum=DURATION_SECONDS_MAX) for name in _SECONDS}


def _list_of(items: Schema | Reference, most: int) -> Schema:
    return Schema(type=OpenAPIType.ARRAY, items=items, max_items=most)
