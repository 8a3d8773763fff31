"""The OpenAPI document as clients get it: Litestar's, completed with what it cannot say or gets wrong.

Litestar loses a bound of 0, and does not say that a body refuses unknown fields. So the schemas of bodies are msgspec's own,
which also decodes them: what they forbid is refused, and what they permit is read.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import msgspec
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI

from headrace.contracts.follow_links import FollowLinkRequest
from headrace.contracts.identity import (
    ApiKeyRequest,
    Decision,
    NewServiceAccount,
    NewUser,
    PasswordChange,
    PasswordReset,
    UserChange,
)
from headrace.contracts.run_time_settings import RunTimeSettings
from headrace.contracts.schedules import ScheduleDefinition
from headrace.contracts.sessions import SignIn
from headrace.contracts.tasks import ID_PATTERN, KIND_PATTERN, Bulk, BulkRequest, Submission

Json = dict[str, Any]

BODIES = (
    *(Submission, ScheduleDefinition, BulkRequest, Bulk, FollowLinkRequest),
    *(NewUser, NewServiceAccount, Decision, UserChange, PasswordChange, PasswordReset, SignIn, RunTimeSettings),
    ApiKeyRequest,
)
POSITION_PATTERN = r"^[0-9]{1,19}-[0-9]{1,19}$"
_PATTERNS = {
    "at_least": POSITION_PATTERN,
    "after": POSITION_PATTERN,
    "Last-Event-ID": POSITION_PATTERN,
    "cursor": r"^[A-Za-z0-9_-]+$",
}
_PATTERNS_IN_PATH = {
    "task": ID_PATTERN,
    "batch": ID_PATTERN,
    "schedule": ID_PATTERN,
    "user": ID_PATTERN,
    "kind": KIND_PATTERN,
    "session": ID_PATTERN,
}

# The operations whose answer names the address of what they made.
_LOCATED = frozenset(
    {"submit_task", "submit_batch", "run_task_again", "create_schedule", "run_schedule", "create_service_account"}
)
_LOCATION = {"description": "The address of what was made.", "schema": {"type": "string"}}
_CHALLENGE = {"description": "How to authenticate (RFC 6750).", "schema": {"type": "string"}}
_RETRY_AFTER = {"description": "Seconds after which to try again.", "schema": {"type": "integer", "minimum": 1}}


@dataclass
class CompleteDocument(OpenAPI):
    """An OpenAPI document that is completed when it is written."""

    def to_schema(self) -> Json:
        """Return the document as JSON has it."""
        return complete(super().to_schema())


class CompleteOpenAPIConfig(OpenAPIConfig):
    """Litestar's configuration of a document that is completed when it is written."""

    def to_openapi_schema(self) -> OpenAPI:
        """Return the document without its paths."""
        plain = super().to_openapi_schema()
        return CompleteDocument(**{field.name: getattr(plain, field.name) for field in fields(plain)})


def complete(document: Json) -> Json:
    """Complete a document in place, and return it."""
    _, schemas = msgspec.json.schema_components(BODIES, ref_template="#/components/schemas/{name}")
    document["components"]["schemas"].update(schemas)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["tags"] = [_tag(path)]
            _complete_parameters(operation)
            _complete_answers(operation)
    return document


def _tag(path: str) -> str:
    """Return the resource of a path: its first part below the version."""
    return path.removeprefix("/api/v1/").strip("/").partition("/")[0]


def _complete_parameters(operation: Json) -> None:
    for parameter in operation.get("parameters", ()):
        patterns = _PATTERNS_IN_PATH if parameter["in"] == "path" else _PATTERNS
        if pattern := patterns.get(parameter["name"]):
            parameter["schema"] = {**_without_null(parameter["schema"]), "pattern": pattern}


def _without_null(schema: Json) -> Json:
    """Return the schema of a parameter: one that is left out is not null, which a query cannot say."""
    alternatives = [each for each in schema.get("oneOf", ()) if each != {"type": "null"}]
    if len(alternatives) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name != "oneOf"}, **alternatives[0]}


def _complete_answers(operation: Json) -> None:
    answers = operation["responses"]
    for status, answer in answers.items():
        if status in ("429", "503"):
            answer.setdefault("headers", {})["Retry-After"] = _RETRY_AFTER
        elif status == "401" and "security" in operation:
            answer.setdefault("headers", {})["WWW-Authenticate"] = _CHALLENGE
        elif status in ("201", "202") and operation["operationId"] in _LOCATED:
            answer.setdefault("headers", {})["Location"] = _LOCATION
    if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ())):
        answers["200"] = {**answers["202"], "description": "The key has made this before; it is answered as it is now."}
    if "text/event-stream" in answers.get("200", {}).get("content", {}) and operation["operationId"] != "follow_all":
        answers["204"] = {"description": "The client has seen the end; `EventSource` stops."}
    operation["responses"] = dict(sorted(answers.items()))
