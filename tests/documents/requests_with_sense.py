"""What schemathesis cannot know: who asks, and what there is to be asked for. It loads this file into its own process.

Without this, nearly everything would be answered with 404 or 422, and a run would end with the first request that takes away its own
credential. Ids and values that the document permits are replaced by real ones, seven times of eight; the others stay as they are.
"""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from collections.abc import Callable
from typing import Any
from zlib import crc32

import httpx
import msgspec
import schemathesis
from schemathesis.openapi.checks import JsonSchemaError

from headrace.api.edge.openapi_parameters import POSITION_PATTERN
from headrace.contracts.identity import Role, UserState
from headrace.contracts.tasks import ID_PATTERN, KIND_PATTERN
from headrace.identity.access_tokens import AccessTokens
from headrace.identity.secrets import Secrets
from tests.accounts import SECRET, Made, make_user
from tests.documents.made import VARIABLE, World

WORLD = msgspec.json.decode(os.environ[VARIABLE], type=World)

_issue = AccessTokens(Secrets([SECRET])).issue
_is_id = re.compile(ID_PATTERN).fullmatch
_is_kind = re.compile(KIND_PATTERN).fullmatch
_is_position = re.compile(POSITION_PATTERN).fullmatch

Case = schemathesis.Case


@schemathesis.hook
def before_call(_context: schemathesis.HookContext, case: Case, _kwargs: dict[str, Any]) -> None:
    """Give a request real ids and values, and a credential that it may use up."""
    label = case.operation.label
    ids = WORLD.ids | {"user": WORLD.id} | _to_be_changed(label)
    for name, given in (case.path_parameters or {}).items():
        if isinstance(given, str) and _is_id(given) and name in ids and is_replaced(label, name, given):
            case.path_parameters[name] = ids[name]
    _fill_query(label, case)
    _fill_body(label, case)
    if case.operation.definition.raw.get("security") or label == "DELETE /api/v1/session":
        case.headers["Authorization"] = f"Bearer {_credential(label, case)}"


def is_replaced(*given: object) -> bool:
    """Whether a value is replaced by a real one; the same in every run."""
    return crc32(repr(given).encode()) % 8 > 0


def _to_be_changed(label: str) -> dict[str, str]:
    """Something that a request may change or delete, where that would take away what the others need."""
    match label:
        case "PUT /api/v1/users/{user}/decision":
            return {"user": _user(state="pending").id}
        case "DELETE /api/v1/users/{user}" | "DELETE /api/v1/users/{user}/sessions":
            return {"user": _user().id}
        case "PUT /api/v1/users/{user}" if WORLD.role == "admin":
            return {"user": _user().id}
        case "PUT /api/v1/users/{user}/password":
            return {"user": WORLD.few}
        case "DELETE /api/v1/api-keys/{key}":
            return {"key": _user(id_=WORLD.id, role=WORLD.role).key_id}
        case "DELETE /api/v1/schedules/{schedule}":
            definition = {"kind": "noop", "input": {}, "every": 86_400}
            return {"schedule": _ask("POST", "/api/v1/schedules", definition).json()["id"]}
        case _:
            return {}


def _credential(label: str, case: Case) -> str:
    """What a request is made with: a key, and a session of its own where the route asks for no scope but may want a session."""
    if label in ("POST /api/v1/cancellations", "POST /api/v1/runs"):
        # Of an account with one task: these change all that match, as slowly as they are told to.
        return WORLD.key_of_few
    if case.operation.definition.raw.get("security", [{}])[0].get("bearer"):
        return WORLD.key
    # What these end or change is nobody else's.
    user = WORLD.few if label in ("DELETE /api/v1/sessions", "PUT /api/v1/users/{user}/password") else WORLD.id
    return _issue(user, str(uuid.uuid4()), Role(WORLD.role), UserState.ACTIVE).token


def _fill_query(label: str, case: Case) -> None:
    query = case.query
    if label == "GET /api/v1/events":
        _fill_filter(query)
    real: dict[str, tuple[Callable[[str], object], object]] = {
        "at_least": (_is_position, WORLD.position),
        "after": (_is_position, WORLD.beginning),
        "owner": (_is_id, WORLD.other),
        "kind": (_is_kind, "noop"),
        "cursor": (re.compile(r"[A-Za-z0-9_-]+", re.ASCII).fullmatch, WORLD.cursor),
    }
    for name, (is_meant, value) in real.items():
        given = query.get(name)
        if isinstance(given, str) and is_meant(given) and is_replaced(name, given):
            query[name] = value


def _fill_filter(query: dict[str, Any]) -> None:
    """Have a stream begin before everything that the account has, and let something pass: others would have nothing to send."""
    query.setdefault("after", WORLD.beginning)
    for name, value in {"task": WORLD.ids["task"], "batch": WORLD.ids["batch"], "kind": "noop"}.items():
        given = query.get(name)
        if isinstance(given, list) and is_replaced(name, given):
            query[name] = [value]
        elif isinstance(given, str) and _is_id(given):
            query[name] = value


def _fill_body(label: str, case: Case) -> None:
    body = case.body
    if not isinstance(body, dict) or not is_replaced(label, body):
        return
    known: dict[str, object] = {
        "kind": "noop",
        "input": {},
        "inputs": [{}],
        "email": WORLD.email,
        "username": WORLD.email,
        "password": WORLD.password,
        "old": WORLD.password,
    }
    match label:
        case "POST /api/v1/users":
            known = {"email": f"{uuid.uuid4()}@example.com"}
        case "PUT /api/v1/password":
            known = {}
        case "PUT /api/v1/session":
            known = {"refresh_token": _refresh_token()}
        case "POST /api/v1/schedules" | "PUT /api/v1/schedules/{schedule}":
            known |= {"time_zone": "UTC", "every": 3600}
            # Either of both, and no time that is over.
            for name in ("cron", "start_at", "end_at") if isinstance(body.get("every"), int) else ():
                if isinstance(body.get(name), str):
                    del body[name]
        case "PUT /api/v1/admin/settings":
            # Nothing that would end this run.
            known = {"registration": "open", "limits": {}, "own_limits": {}, "disabled_kinds": []}
            case.headers["If-Match"] = _ask("GET", "/api/v1/admin/settings").headers.get("ETag", '"0"')
        case _:
            pass
    for name, value in known.items():
        # What is wrong on purpose stays wrong.
        if isinstance(body.get(name), type(value)):
            body[name] = value


def _user(**given: Any) -> Made:
    return asyncio.run(make_user(WORLD.database_url, **given))


def _refresh_token() -> str:
    answer = _ask("POST", "/api/v1/session", {"email": WORLD.email, "password": WORLD.password})
    return answer.json()["tokens"]["refresh_token"]


def _ask(method: str, path: str, body: object = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {WORLD.key}"}
    return httpx.request(method, WORLD.url + path, json=body, headers=headers, timeout=20)


@schemathesis.hook
def filter_failure(
    _context: schemathesis.HookContext, failure: AssertionError, _case: Case, response: schemathesis.Response
) -> bool:
    """Whether a failure is one. OpenAPI 3.1 has a schema for the text of a stream; schemathesis takes it for that of each event."""
    is_stream = any("event-stream" in each for each in response.headers.get("content-type", ()))
    return not (is_stream and isinstance(failure, JsonSchemaError))


@schemathesis.check
def outages_are_announced(_context: schemathesis.CheckContext, response: schemathesis.Response, _case: Case) -> None:
    """A 503 is an outage that passes: it says when to try again."""
    if response.status_code == 503:
        assert "retry-after" in response.headers, "503 without Retry-After"
