"""The rule for query parameters, the same for every route: a slip is refused, for it would otherwise show or change too much.

A route takes the parameters that its handler declares. A name that it does not take, and a single value given twice, are refused
with 400.

Streams are also asked for by polyfills of `EventSource`, which cannot always set a header: they repeat the last event's id as a
parameter, under a name of their own, and add a parameter against caches. Those are taken for what they mean.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from litestar.constants import RESERVED_KWARGS
from litestar.enums import ParamType
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition

from headrace.api.edge.openapi import Keyed, OfOwner
from headrace.api.edge.request import AnyRequest
from headrace.contracts.problems import FieldError
from headrace.contracts.refused_values import name_known
from headrace.errors import MalformedRequest

LAST_EVENT_ID = "Last-Event-ID"
AGAINST_CACHES = frozenset({"_", "r", "t", "ts", "cb", "nocache"})  # what clients of streams add to each request
NULL = "null"
_NOT_ENCODED = "the query has characters that are not percent-encoded; write é as %C3%A9 (RFC 3986, section 2.5)"
NAME_CHARS_SHOWN = 80  # of a name that does not exist


class Parameters(NamedTuple):
    """The query parameters that a route takes.

    Attributes:
        names: Their names, in the order in which the handler declares them.
        repeatable: Those of them that may be given several times.
        is_stream: Whether the route also takes what polyfills of `EventSource` send.
        not_texts: Those of which not every text is a value.
    """

    names: tuple[str, ...]
    repeatable: frozenset[str]
    is_stream: bool
    not_texts: frozenset[str]


def check_query(request: AnyRequest) -> None:
    """Refuse a request whose query has parameters that its route does not take, or not in this way.

    Raises:
        MalformedRequest: A parameter is unknown, or given twice, or the query has bytes beyond ASCII.
    """
    if not request.scope["query_string"].isascii():
        # Its bytes would be read as Latin-1, which is nobody's meaning.
        raise MalformedRequest(_NOT_ENCODED, [FieldError(path="query", message=_NOT_ENCODED)])
    takes = parameters_of(request.route_handler, frozenset(request.path_params))
    given = request.query_params
    for name in given:
        if takes.is_stream and (name in AGAINST_CACHES or is_last_event_id(name)):
            continue
        if name not in takes.names:
            raise _refusal(name, _explain_unknown(name, takes.names))
        if name not in takes.repeatable and (times := len(given.getall(name))) > 1:
            raise _refusal(name, f"{name} is given {times} times; say it once")
        if name in takes.not_texts and any(str(value).lower() == NULL for value in given.getall(name)):
            # msgspec takes this word for "left out", and the list would show everything.
            raise _refusal(name, f"{NULL} is no value of {name}; leave {name} out")


def last_event_id_in_query(request: AnyRequest) -> str | None:
    """Return the id of the last event that a polyfill of `EventSource` has put into the query; None when there is none.

    Raises:
        MalformedRequest: There are several, and they differ.
    """
    if not request.scope["query_string"]:
        return None
    given = {str(value) for name, value in request.query_params.multi_items() if is_last_event_id(name) and value}
    if len(given) > 1:
        raise _refusal(LAST_EVENT_ID, "the id of the last event is given several times, and differs; say it once")
    return given.pop() if given else None


def is_last_event_id(name: str) -> bool:
    """Whether a parameter is the id of the last event: `lastEventId`, `last_event_id`, `Last-Event-ID` and the like."""
    return name.replace("-", "").replace("_", "").lower() == "lasteventid"


@cache
def parameters_of(handler: HTTPRouteHandler, in_path: frozenset[str]) -> Parameters:
    """Return the query parameters that the handler of a route declares; ``in_path`` are the names in its path."""
    names: list[str] = []
    repeatable: set[str] = set()
    not_texts: set[str] = set()
    is_stream = False
    for argument, field in handler.parsed_fn_signature.parameters.items():
        if argument in in_path or argument in RESERVED_KWARGS:
            continue
        kwarg = field.kwarg_definition if isinstance(field.kwarg_definition, ParameterKwarg) else None
        is_stream = is_stream or (kwarg is not None and LAST_EVENT_ID in (kwarg.header, kwarg.name))
        if kwarg is None or _is_of_query(kwarg):
            name = argument if kwarg is None else kwarg.query or kwarg.name or argument
            names.append(name)
            if _is_list(field):
                repeatable.add(name)
            elif not _is_text(field):
                not_texts.add(name)
    for kind in (Keyed, OfOwner):
        if issubclass(handler.operation_class, kind):
            names += handler.operation_class.QUERY_NAMES
            repeatable |= handler.operation_class.REPEATABLE
            not_texts |= handler.operation_class.NOT_TEXTS
    return Parameters(tuple(names), frozenset(repeatable), is_stream, frozenset(not_texts))


def _is_of_query(kwarg: ParameterKwarg) -> bool:
    return not (kwarg.header or kwarg.cookie) and kwarg.param_type is ParamType.QUERY


def _is_list(field: FieldDefinition) -> bool:
    return field.is_non_string_sequence or any(inner.is_non_string_sequence for inner in field.inner_types)


def _is_text(field: FieldDefinition) -> bool:
    return any(each is str for each in (field.annotation, *field.args))


def _explain_unknown(name: str, names: tuple[str, ...]) -> str:
    unknown = f"there is no parameter {name[:NAME_CHARS_SHOWN]!r} here"
    if not names:
        return f"{unknown}; this route takes none"
    return name_known(unknown, name, names)


def _refusal(name: str, message: str) -> MalformedRequest:
    return MalformedRequest(message, [FieldError(path=f"query {name[:NAME_CHARS_SHOWN]}", message=message)])
