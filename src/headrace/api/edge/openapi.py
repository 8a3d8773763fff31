"""The parts of the OpenAPI document that Litestar cannot derive from the routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, Reference, RequestBody, Schema
from litestar.plugins import OpenAPISchemaPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.typing import FieldDefinition

from headrace.api.auth.access import rule_of
from headrace.api.edge.admission import SAFE_METHODS
from headrace.api.edge.own_bodies import OwnBody
from headrace.api.edge.security_schemes import security_of
from headrace.contracts.batches import BatchSubmission
from headrace.contracts.filters import OWNER_PATTERN
from headrace.contracts.follow_links import SECONDS_MAX
from headrace.contracts.problems import Problem
from headrace.contracts.tasks import ID_PATTERN, KEY_PATTERN

OWNER = "owner"


class AnyJson(OpenAPISchemaPlugin):
    """Describes `msgspec.Raw`, which is any JSON value passed through unchanged."""

    @staticmethod
    def is_plugin_supported_type(value: object) -> bool:
        """Return whether this plugin describes a type."""
        return value is msgspec.Raw

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Return a schema without constraints."""
        return Schema()


class EdgeRefusals(ReceiveRoutePlugin):
    """Documents, for each route, the refusals of the edge: a route does not decide them, and cannot forget them."""

    def receive_route(self, route: BaseRoute) -> None:
        """Add them to the handlers of a route."""
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                _name_scope(handler)
                documented = _of_edge(handler) | dict(handler.responses or {})
                handler.responses = dict(sorted(documented.items()))


def _name_scope(handler: HTTPRouteHandler) -> None:
    """Say which credential a route wants, and with which scope."""
    rule = rule_of(handler)
    if rule is not None and not rule.is_public:
        handler.security = security_of(rule)


def _of_edge(handler: HTTPRouteHandler) -> dict[int, ResponseSpec]:
    found = [400, 421]
    rule = rule_of(handler)
    if rule is not None and not rule.is_public:
        found += [401, 403, 429, 503]
    if not handler.http_methods <= SAFE_METHODS:
        found.append(403)
    if "data" in handler.parsed_fn_signature.parameters or issubclass(handler.operation_class, BatchBody | OwnBody):
        found += [408, 413, 415]
    return {status: _problem_spec(_MEANING_AT_EDGE.get(status) or _MEANING[status]) for status in found}


@dataclass
class Keyed(Operation):
    """The operation of a route that takes an Idempotency-Key and may be asked for a follow link.

    The route reads both by itself. If its handler declared them, Litestar would parse and validate them on every request.
    """

    QUERY_NAMES: ClassVar[tuple[str, ...]] = ("follow_link",)
    REPEATABLE: ClassVar[frozenset[str]] = frozenset()
    NOT_TEXTS: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        """Add both to the parameters."""
        key = Parameter(
            name="Idempotency-Key",
            param_in="header",
            description="A repeated request with the same key and body returns what the first one made, for as long as the log remembers.",
            schema=Schema(type=OpenAPIType.STRING, pattern=KEY_PATTERN),
        )
        link = Parameter(
            name="follow_link",
            param_in="query",
            description="Include a read-only follow link, valid for this many seconds, for another user's browser.",
            schema=Schema(type=OpenAPIType.NUMBER, minimum=1, maximum=SECONDS_MAX),
        )
        self.parameters = [*(self.parameters or ()), key, link]


@dataclass
class OfOwner(Operation):
    """The operation of a route for what belongs to the caller. An administrator may name another owner."""

    QUERY_NAMES: ClassVar[tuple[str, ...]] = (OWNER,)
    REPEATABLE: ClassVar[frozenset[str]] = frozenset()
    NOT_TEXTS: ClassVar[frozenset[str]] = frozenset()
    WHOSE: ClassVar[str] = "Administrators only: whose, instead of one's own. This is audited."
    WHOSE_PATTERN: ClassVar[str] = ID_PATTERN

    def __post_init__(self) -> None:
        """Add the owner to the parameters."""
        owner = Parameter(
            name=OWNER,
            param_in="query",
            description=self.WHOSE,
            schema=Schema(type=OpenAPIType.STRING, pattern=self.WHOSE_PATTERN),
        )
        self.parameters = [*(self.parameters or ()), owner]


@dataclass
class OfAnyOwner(OfOwner):
    """The operation of a route as `OfOwner`, of which an administrator may also ask for what belongs to all owners."""

    WHOSE: ClassVar[str] = "Administrators only: whose, instead of one's own; `*` for all. This is audited."
    WHOSE_PATTERN: ClassVar[str] = OWNER_PATTERN


@dataclass
class BatchBody(Keyed):
    """The operation of the route that reads a batch from its body by itself, piece by piece."""

    def __post_init__(self) -> None:
        """Add the two forms of the body."""
        super().__post_init__()
        self.request_body = RequestBody(
            content={
                "application/json": OpenAPIMediaType(
                    schema=Reference(f"#/components/schemas/{BatchSubmission.__name__}")
                ),
                "application/x-ndjson": OpenAPIMediaType(schema=Schema(description="An input on each line.")),
            },
            required=True,
        )


def refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """Return the documentation of the statuses with which a route refuses requests. Every route may answer 503."""
    return {status: _problem_spec(_MEANING[status]) for status in (*statuses, 503)}


def refusal(status: int, meaning: str) -> dict[int, ResponseSpec]:
    """Return the documentation of a status that means something of its own on a route."""
    return {status: _problem_spec(meaning)}


def _problem_spec(meaning: str) -> ResponseSpec:
    return ResponseSpec(Problem, generate_examples=False, description=meaning, media_type="application/problem+json")


STREAM_MEDIA_TYPE = "text/event-stream"
EVENT_STREAM = {
    200: ResponseSpec(
        str,
        generate_examples=False,
        description="Server-sent events: `id` is the position, `event` the event's name, `data` JSON. Who accepts nothing but "
        "`text/event-stream`, as `EventSource` does, is given 429 and 503 as a stream, too: one event `problem`, and `retry`.",
        media_type=STREAM_MEDIA_TYPE,
    )
}

_MEANING = {
    400: "The request cannot be read.",
    401: "The follow link is not valid.",
    403: "The link has expired, or was used.",
    404: "The task, batch, schedule or user does not exist, or it belongs to somebody else; or no worker ever announced the kind.",
    408: "The body does not arrive, or too slowly.",
    409: "The state of the task, batch, kind or user does not allow it.",
    412: "The settings were changed since; read them again.",
    413: "The body is too large, or would be too large in the log.",
    415: "The body is not of the media type that the route reads, not in UTF-8, or compressed.",
    421: "The API does not answer for this host (HEADRACE_API_HOSTS).",
    422: "The kind is not known, the input does not match its schema, or the password may not be used; `errors` names each path.",
    428: "If-Match is missing.",
    429: "This account has made as many requests as it may for now; see Retry-After and RateLimit.",
    501: "Follow links are not configured (HEADRACE_API_FOLLOW_SECRETS).",
    503: "The log or the read model is not available at the moment; see Retry-After.",
}

_MEANING_AT_EDGE = {
    401: "The request has no valid credential; see WWW-Authenticate.",
    403: "The credential does not allow this, or a page of another site asks for a change.",
}
