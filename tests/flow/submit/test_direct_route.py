"""Submitting past Litestar's machinery: the answers and the records are those of the ordinary way, whatever is asked."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from random import Random
from typing import Any, NamedTuple

import pytest
from litestar import Litestar
from litestar.exceptions.base_exceptions import LitestarDeprecationWarning
from litestar.types import ASGIApp

from headrace.api import app as api_app
from headrace.api.identity_database import IdentityDatabase
from headrace.api.read_model import ReadModel
from headrace.api.state import ApiState
from headrace.identity.principals import LOCAL
from headrace.log import subjects
from headrace.log.opening import open_log
from headrace.operations.answers import Operations
from headrace.settings import Settings
from headrace.stop import Stop
from headrace.store.engine import sqlalchemy_config
from tests.accounts import KEY
from tests.cluster import Cluster

# Whatever is made anew for each request, and how long that makes an answer.
ANEW = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[0-9:.]+Z|(?<=\"position\":\")[^\"]+|(?<=[?&]token=)[^\"]+|r=\d+;t=\d+|\b[0-9a-f]{12}\b"
)
LINKS = (b"follow_link=60", b"follow_link=0", b"follow_link=x", b"follow_link=60&follow_link=60")
OF_THE_ANSWER = {"Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence"}
TEXTS = ("", "a", "Größe 👩‍💻", "x" * 300, "\x00", "\ud800", "1")


class Ways(NamedTuple):
    """The same API twice."""

    api: ApiState
    direct: ASGIApp
    ordinary: ASGIApp


class Answer(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@pytest.fixture
async def ways(cluster_without_worker: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Ways]:
    environ = {"HEADRACE_LOG_LEVEL": "error", "HEADRACE_LIMITS_FACTOR": "1000000"}
    settings = Settings.read(cluster_without_worker.environ | environ)
    database = sqlalchemy_config(settings.database)
    open_session = database.create_session_maker()
    read_model, identity = ReadModel(open_session), IdentityDatabase(open_session)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.get_engine().dispose)
        stack.push_async_callback(read_model.close)
        log = await stack.enter_async_context(open_log(settings, "api"))
        api = ApiState(log, settings, read_model, identity, Operations(Stop()))
        stack.push_async_callback(api.close)
        await api.open()
        direct = create_stack(api, settings)
        monkeypatch.setattr(api_app, "answer_directly", _as_it_is)
        yield Ways(api, direct, create_stack(api, settings))


def create_stack(api: ApiState, settings: Settings) -> ASGIApp:
    with warnings.catch_warnings():
        # Litestar announces other ways to declare a body.
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        return api_app.create_stack(api, settings.api)


@pytest.mark.parametrize("requests", [300, pytest.param(5_000, marks=pytest.mark.slow)])
async def test_requests_of_all_kinds_are_answered_alike_byte_for_byte_and_leave_the_same_records(
    ways: Ways, requests: int
) -> None:
    random = Random(requests)
    seen, records = Counter[str](), 0
    for count in range(requests):
        made = make_request(random)
        direct = await ask(ways.direct, made, "direct")
        ordinary = await ask(ways.ordinary, made, "ordinary")
        assert masked(direct) == masked(ordinary), (count, made, differing(direct, ordinary))
        seen[json.loads(direct.body).get("error_code", str(direct.status))] += 1
        if direct.status == 202:
            in_log = await recorded(ways.api, direct)
            assert in_log == await recorded(ways.api, ordinary), (count, made)
            records += in_log is not None
    assert set(seen) >= {
        "200",
        "202",
        "not_authenticated",
        "malformed_request",
        "invalid_input",
        "idempotency_key_reused",
    }, seen
    assert records > requests / 10


async def test_an_unexpected_error_is_answered_alike(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("of a test")

    monkeypatch.setattr(ways.api.capacity, "reserve", fail)
    request = Request(b'{"kind":"noop","input":{}}', good_headers(), b"", "/api/v1/tasks", 1)
    direct, ordinary = await ask(ways.direct, request, "direct"), await ask(ways.ordinary, request, "ordinary")
    assert direct.status == 500
    assert masked(direct) == masked(ordinary)


class Request(NamedTuple):
    body: bytes
    headers: dict[bytes, bytes]
    query: bytes
    path: str
    parts: int


def good_headers() -> dict[bytes, bytes]:
    return {
        b"host": b"127.0.0.1:8080",
        b"content-type": b"application/json",
        b"authorization": f"Bearer {KEY}".encode(),
        b"x-correlation-id": b"of-a-test",
        b"x-request-id": b"of-a-test",
    }


def make_request(random: Random) -> Request:
    """A request that is like most of them, or is wrong in some way."""
    headers, oddness = good_headers(), random.choice([0.01, 0.05, 0.15])
    if random.random() < 0.2:
        headers[b"idempotency-key"] = random.choice([b"one", b"two", b"three"])
    for name, values in CHANGES.items():
        if random.random() < oddness:
            headers[name] = random.choice(values)
    if random.random() < oddness:
        headers.pop(random.choice(list(headers)))
    body = make_body(random, oddness)
    headers[b"content-length"] = str(len(body)).encode()
    query = random.choice(
        [b""] * 60 + [b"wait=1", b"owner=me", b"owner=" + LOCAL.encode(), b"a=1&a=2", b"owner=%00", *LINKS]
    )
    path = random.choice(["/api/v1/tasks"] * 40 + ["/api/v1/tasks/"])
    return Request(body, headers, query, path, random.choice([1, 1, 1, 2, 5]))


CHANGES: dict[bytes, list[bytes]] = {
    b"idempotency-key": [b"one", b"two", b"three", b"", b"x" * 300, b"\xff"],
    b"authorization": [b"", b"Bearer", b"Bearer x", b"Basic YTpi", b"bearer " + KEY.encode(), b"Bearer \xff"],
    b"host": [b"localhost", b"LOCALHOST", b"127.0.0.1:99999", b"a_b", b"[::1]:8080", b"", b"evil.example"],
    b"prefer": [b"respond-async", b"wait=5"],
    b"accept": [b"text/event-stream", b"text/html", b"*/*"],
    b"traceparent": [b"00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", b"00-0", b""],
    b"content-encoding": [b"gzip", b"identity"],
    b"origin": [b"http://127.0.0.1:8080", b"https://evil.example"],
}


def make_body(random: Random, oddness: float) -> bytes:
    """What somebody submits: mostly a submission, with fields of all kinds of values."""
    fields: dict[str, Any] = {"kind": "echo", "input": {"text": random.choice(TEXTS[:4])}}
    for name, values in FIELDS.items():
        if random.random() < oddness:
            fields[name] = random.choice(values)
    if random.random() < oddness:
        fields.pop(random.choice(list(fields)))
    body = json.dumps(fields, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")
    match random.randrange(100):
        case 0:
            return body[: random.randrange(len(body))]
        case 1:
            return body.replace(b"t", b"\xff", 1)
        case 2:
            return b'{"kind":"noop","input":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
        case 3:
            return random.choice([b"", b"null", b"[]", b"1", b'"noop"', b"{}", b" ", b"\xef\xbb\xbf{}"])
        case 4:
            return body[:-1] + b',"kind":"echo","labels":{"a":"1","a":"2"}}'
        case 5 if random.random() < 0.3:
            return b'{"kind":"noop","input":"' + b"x" * (9 << 20) + b'"}'
        case _:
            return body


FIELDS: dict[str, list[Any]] = {
    "kind": ["noop", "fail", "no_such_kind", "", "a b", 1, None, "x" * 300],
    "input": [
        {},
        None,
        [],
        1,
        "text",
        {"text": 1},
        {"text": "a", "more": 1},
        {"number": 1e300},
        {"text": "x" * 300_000},
    ],
    "priority": ["high", "normal", "low", "urgent", 1],
    "delay": [0, 1, 0.5, -1, 1e12, "1", True],
    "run_at": ["2999-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "tomorrow", 0],
    "expires_in": [1, 60, 0, -1, 1e12, None],
    "max_attempts": [1, 3, 0, 1_000, 1.5],
    "labels": [
        {},
        {"a": "1"},
        {"a": ""},
        {"": "a"},
        {"a": 1},
        {str(count): "x" for count in range(40)},
        {"a": TEXTS[4]},
    ],
    "results_of": ["0197aaaa-0000-7000-8000-000000000000", "nothing", 1],
    "unknown": [1],
}


async def ask(app: ASGIApp, made: Request, side: str) -> Answer:
    """Ask by one of the ways. What is counted by address, and what keys have made, is counted for each way by itself."""
    headers = dict(made.headers)
    if key := headers.get(b"idempotency-key"):
        headers[b"idempotency-key"] = (side[:1].encode() + key) if key.isascii() else key
    size = max(1, -(-len(made.body) // made.parts))
    parts = [made.body[at : at + size] for at in range(0, len(made.body), size)] or [b""]
    answered: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Any) -> None:
        answered.append(message)

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": made.path,
        "raw_path": made.path.encode(),
        "query_string": made.query,
        "root_path": "",
        "headers": list(headers.items()),
        "client": ("10.0.0.1" if side == "direct" else "10.0.0.2", 1),
        "server": ("127.0.0.1", 8080),
    }
    await app(scope, receive, send)
    start, *rest = answered
    return Answer(start["status"], list(start["headers"]), b"".join(each["body"] for each in rest))


def masked(answer: Answer) -> Answer:
    """An answer without what is made anew for each request."""
    headers = dict(answer.headers)
    assert headers[b"content-length"] == str(len(answer.body)).encode()
    shown = [(name, b"" if name == b"content-length" else ANEW.sub(b"*", value)) for name, value in answer.headers]
    return Answer(answer.status, shown, ANEW.sub(b"*", answer.body))


def differing(direct: Answer, ordinary: Answer) -> object:
    """What a failure shows first."""
    return set(masked(direct).headers) ^ set(masked(ordinary).headers)


async def recorded(api: ApiState, answer: Answer) -> tuple[bytes, dict[str, str]] | None:
    """What the log has of a task that was accepted; nothing yet of one that is due later."""
    task = json.loads(answer.body)["id"]
    record = (await api.log.replayer.first(subjects.task_events(LOCAL, task))).record
    if record is None:
        return None
    headers = {
        name: ANEW.sub(b"*", value.encode()).decode()
        for name, value in record.headers.items()
        if name not in OF_THE_ANSWER
    }
    return ANEW.sub(b"*", bytes(record.payload)), headers


def _as_it_is(app: Litestar) -> ASGIApp:
    return app
