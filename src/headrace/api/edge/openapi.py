"""The parts of the OpenAPI document that Litestar cannot derive from the routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from headrace.contracts.batches import BatchSubmission
from headrace.contracts.follow_links import SECONDS_MAX
from headrace.contracts.problems import Problem
from headrace.contracts.tasks import KEY_CHARS_MAX


class AnyJson(OpenAPISchemaPlugin):
    """Describes `msgspec.Raw`, which is any JSON value passed through unchanged."""

    @staticmethod
    def is_plugin_supported_type(value: object) -> bool:
        """Return whether this plugin describes a type."""
        return value is msgspec.Raw

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Return a schema without constraints."""
        return Schema()


@dataclass
class Keyed(Operation):
    """The operation of a route that takes an Idempotency-Key and may be asked for a follow link.

    The route reads both by itself. If its handler declared them, Litestar would parse and validate them on every request.
    """

    QUERY_NAMES: ClassVar[tuple[str, ...]] = ("follow_link",)

    def __post_init__(self) -> None:
        """Add both to the parameters."""
        key = Parameter(
            name="Idempotency-Key",
            param_in="header",
            description="A repeated request with the same key and body returns what the first one made, for as long as the log remembers.",
            schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=KEY_CHARS_MAX),
        )
        link = Parameter(
            name="follow_link",
            param_in="query",
            description="Include a read-only follow link, valid for this many seconds, for another user's browser.",
            schema=Schema(type=OpenAPIType.NUMBER, minimum=1, maximum=SECONDS_MAX),
        )
        self.parameters = [*(self.parameters or ()), key, link]


@dataclass
class BatchBody(Keyed):
    """The operation of the route that reads a batch from its body by itself, piece by piece."""

    def __post_init__(self) -> None:
        """Add the two forms of the body."""
        super().__post_init__()
        _, components = msgspec.json.schema_components([BatchSubmission], ref_template="#/components/schemas/{name}")
        self.request_body = RequestBody(
            content={
                "application/json": OpenAPIMediaType(schema=cast("Schema", components["BatchSubmission"])),
                "application/x-ndjson": OpenAPIMediaType(schema=Schema(description="An input on each line.")),
            },
            required=True,
        )


def refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """Return the documentation of the statuses with which a route refuses requests. Every route may answer 503."""
    return {
        status: ResponseSpec(
            Problem, generate_examples=False, description=_MEANING[status], media_type="application/problem+json"
        )
        for status in (*statuses, 503)
    }


EVENT_STREAM = {
    200: ResponseSpec(
        str,
        generate_examples=False,
        description="Server-sent events: `id` is the position, `event` the event's name, `data` JSON.",
        media_type="text/event-stream",
    )
}

_MEANING = {
    400: "The request cannot be read.",
    401: "The follow link is not valid.",
    403: "The follow link has expired.",
    404: "The task, batch or schedule does not exist, or it belongs to somebody else; or no worker ever announced the kind.",
    409: "The state of the task, batch or kind does not allow it.",
    413: "The body is too large, or would be too large in the log.",
    415: "The media type of the body is not supported.",
    422: "The kind is not known, or the input does not match its schema; `errors` names each path.",
    501: "Follow links are not configured (HEADRACE_API_FOLLOW_SECRETS).",
    503: "The log or the read model is not available at the moment; see Retry-After.",
}
