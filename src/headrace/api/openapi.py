"""What Litestar cannot know for the OpenAPI document by itself."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

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
    404: "There is no such task, or it is somebody else's.",
    413: "The body, or what becomes of it in the log, is too large.",
    422: "The kind is not known, or the input does not match its schema; `errors` names each path.",
    503: "Something behind is away; see Retry-After.",
}
