"""What Litestar cannot know for the OpenAPI document by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, Parameter, RequestBody, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from headrace.contracts.batches import BatchSubmission
from headrace.contracts.follow_links import SECONDS_MAX
from headrace.contracts.problems import Problem


class AnyJson(OpenAPISchemaPlugin):
    """`msgspec.Raw` is JSON passed through as it is: any value."""

    @staticmethod
    def is_plugin_supported_type(value: object) -> bool:
        """Whether this plugin describes a type."""
        return value is msgspec.Raw

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """A schema without constraints."""
        return Schema()


@dataclass
class Keyed(Operation):
    """The operation of a route that takes an Idempotency-Key, and may be asked for a follow link."""

    def __post_init__(self) -> None:
        """Say so: reading them as parameters would cost every request."""
        key = Parameter(
            name="Idempotency-Key",
            param_in="header",
            description="The same key and body make the same thing once, for as long as the log remembers.",
            schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255),
        )
        link = Parameter(
            name="follow_link",
            param_in="query",
            description="Answer with a link for a browser of somebody else to follow it, good for so many seconds.",
            schema=Schema(type=OpenAPIType.NUMBER, minimum=1, maximum=SECONDS_MAX),
        )
        self.parameters = [*(self.parameters or ()), key, link]


@dataclass
class BatchBody(Keyed):
    """The operation of a route that reads a batch from its body by itself."""

    def __post_init__(self) -> None:
        """Say what the body is."""
        super().__post_init__()
        _, components = msgspec.json.schema_components([BatchSubmission], ref_template="#/components/schemas/{name}")
        self.request_body = RequestBody(
            content={
                "application/json": OpenAPIMediaType(schema=cast("Schema", components["BatchSubmission"])),
                "application/x-ndjson": OpenAPIMediaType(schema=Schema(description="An input on each line.")),
            },
            required=True,
        )


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The errors that a route answers with, for its documentation."""
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
    404: "There is no such thing, or it is somebody else's.",
    409: "Its state does not allow it.",
    413: "The body, or what becomes of it in the log, is too large.",
    415: "The body is of a type that is not taken here.",
    422: "The kind is not known, or the input does not match its schema; `errors` names each path.",
    501: "It is not set up here.",
    503: "Something behind is away; see Retry-After.",
}
