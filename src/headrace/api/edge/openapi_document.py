"""The OpenAPI document as clients get it: Litestar's, completed with what it cannot say or gets wrong.

Litestar loses a bound of 0, and does not say that a body refuses unknown fields. So the schemas of bodies are msgspec's own,
which also decodes them: what they forbid is refused, and what they permit is read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from http import HTTPStatus

import msgspec
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI

from headrace.api.edge.openapi_answers import require_answered_fields
from headrace.api.edge.openapi_components import SCHEMAS, Json, keep_reachable, operations_of
from headrace.api.edge.openapi_descriptions import allow_any_names, describe_types
from headrace.api.edge.openapi_events import add_streamed, add_timelines
from headrace.api.edge.openapi_parameters import complete_parameters
from headrace.contracts.batches import BatchEntry, BatchSubmission
from headrace.contracts.bulk import BatchRunsRequest, BulkRequest
from headrace.contracts.files import NewFile
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
from headrace.contracts.preferences import NewPreferences
from headrace.contracts.run_time_settings import RunTimeSettings
from headrace.contracts.schedules import NewSchedule
from headrace.contracts.sessions import Refresh, SignIn, TokenRequest
from headrace.contracts.tasks import Submission

API_PATH = "/api/v1/"
BFF_PATH = "/bff/v1/"

BODIES = (
    *(Submission, NewSchedule, BulkRequest, BatchRunsRequest, FollowLinkRequest),
    *(NewUser, NewServiceAccount, Decision, UserChange, PasswordChange, PasswordReset, SignIn, RunTimeSettings),
    *(ApiKeyRequest, BatchEntry, BatchSubmission, NewPreferences, Refresh, TokenRequest, NewFile),
)
# Where the first part of a path is not what the operation is about.
_TAGS = {
    "cancellations": "tasks",
    "runs": "tasks",
    "password": "users",
    "service-accounts": "users",
    "sessions": "session",
    "admin": "settings",
    "downloads": "files",
    "installation": "settings",
}
# The operations whose answer names the address of what they made.
_LOCATED = frozenset(
    {
        *("submit_task", "submit_batch", "run_task_again", "create_schedule", "run_schedule"),
        *("create_service_account", "create_api_key", "create_file", "upload_file"),
    }
)
# Streams without an end.
_ENDLESS = frozenset({"follow_all", "follow_own", "follow_everybody"})
_VERSIONED = frozenset({"get_settings", "replace_settings"})
# Whoever has a link does not authenticate in another way.
_BY_LINK = frozenset({"follow_task_by_link", "follow_batch_by_link", "put_file_part", "download_file"})
_LOCATION = {"description": "The address of what was made.", "schema": {"type": "string"}}
_ETAG = {"description": "The version, for `If-Match`.", "schema": {"type": "string"}}
_ETAG_OF_SCREEN = {"description": "Of everything but the time, for `If-None-Match`.", "schema": {"type": "string"}}
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
    schemas: Json = document["components"]["schemas"]
    _, taken = msgspec.json.schema_components(BODIES, ref_template=SCHEMAS + "{name}")
    # Each is read by itself, so that msgspec does not know what an entry is.
    taken[BatchSubmission.__name__]["properties"]["entries"]["anyOf"][0]["items"] = {
        "$ref": SCHEMAS + BatchEntry.__name__
    }
    schemas.update(taken)
    describe_types(document)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["tags"] = [_tag(path, operation)]
            complete_parameters(operation)
            _complete_answers(operation)
    require_answered_fields(document, taken)
    add_timelines(schemas)
    streams = {operation["operationId"] for operation in operations_of(document) if _is_stream(operation)}
    streamed = add_streamed(schemas, streams) if streams else ()
    allow_any_names(document)
    _share_answers(document)
    _leave_out_defaults(document)
    keep_reachable(document, streamed)
    return document


def _tag(path: str, operation: Json) -> str:
    """Return what an operation is about: the resource that its path names first, or events if it answers with a stream of them."""
    if _is_stream(operation):
        return "events"
    if path.startswith(BFF_PATH):
        return "screens"
    named = path.removeprefix(API_PATH).strip("/").partition("/")[0]
    return _TAGS.get(named, named)


def _is_stream(operation: Json) -> bool:
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


def _complete_answers(operation: Json) -> None:
    answers = operation["responses"]
    for status, answer in answers.items():
        if status == "204":
            answer.pop("content", None)
        elif status in ("429", "503"):
            answer.setdefault("headers", {})["Retry-After"] = _RETRY_AFTER
        elif status == "401" and operation["operationId"] not in _BY_LINK:
            answer.setdefault("headers", {})["WWW-Authenticate"] = _CHALLENGE
        elif status in ("201", "202") and operation["operationId"] in _LOCATED:
            answer.setdefault("headers", {})["Location"] = _LOCATION
        elif status == "200" and operation["operationId"] in _VERSIONED:
            answer.setdefault("headers", {})["ETag"] = _ETAG
    if "304" in answers:
        answers["200"].setdefault("headers", {})["ETag"] = _ETAG_OF_SCREEN
    if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ())):
        answers["200"] = {**answers["202"], "description": "The key has made this before; it is answered as it is now."}
    if _is_stream(operation) and operation["operationId"] not in _ENDLESS:
        answers["204"] = {"description": "The client has seen the end; `EventSource` stops."}
    operation["responses"] = dict(sorted(answers.items()))


def _share_answers(document: Json) -> None:
    """Put each refusal that several operations have into one place. Of a status, this is the one that most of them have."""
    answers = [operation["responses"] for operation in operations_of(document)]
    shared: Json = {}
    for status in sorted({status for each in answers for status in each if status >= "400"}):
        meanings = Counter(each[status]["description"] for each in answers if status in each)
        meaning, count = meanings.most_common(1)[0]
        if count > 1:
            name = HTTPStatus(int(status)).name.title().replace("_", "")
            having = [each for each in answers if status in each and each[status]["description"] == meaning]
            shared[name] = having[0][status]
            for each in having:
                each[status] = {"$ref": f"#/components/responses/{name}"}
    document["components"]["responses"] = shared


def _leave_out_defaults(document: Json) -> None:
    """Leave out what OpenAPI takes for granted when it is not said."""
    operations = [*operations_of(document)]
    for said in (*operations, *(each for operation in operations for each in operation.get("parameters", ()))):
        for name in ("deprecated", "allowEmptyValue", "allowReserved"):
            if said.get(name) is False:
                del said[name]
