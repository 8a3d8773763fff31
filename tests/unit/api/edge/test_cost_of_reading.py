"""What a stranger sends is read in time that grows with its length, not with its square.

The processor time of two lengths is compared, of which one is sixteen times the other: going over a text from each of its places takes
256 times as long then.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from time import thread_time
from typing import Any

import pytest
from litestar.types import ASGIApp

import headrace.api.auth
import headrace.api.edge
import headrace.api.v1
import headrace.contracts
import headrace.identity
from headrace.api.auth.authentication import presented_token
from headrace.api.auth.cookies import OVER_HTTPS, access_cookie, refresh_cookie
from headrace.api.edge.admission import Rules, admit
from headrace.api.edge.client_address import Proxies, parse_address
from headrace.api.edge.correlation import correlate
from headrace.api.edge.cors import Origins, allow_origins
from headrace.api.edge.forwarded import read_forwarded, read_listed
from headrace.api.edge.hosts import Hosts
from headrace.api.edge.methods import answer_methods
from headrace.api.edge.security_headers import SecurityHeaders
from headrace.contracts.problems import split_path
from headrace.errors import HeadraceError
from headrace.identity.access_tokens import AccessTokens, InvalidAccessToken
from headrace.identity.key_format import is_key
from headrace.identity.secrets import Secrets
from tests.unit.api.apps import make_app

# Headers of proxies are read for their last 2,048 characters, and others for as many as a connection takes.
LENGTHS = ((128, 2_048), (2_048, 32_768))
GROWTH_MAX = 48  # of the time, for sixteen times the length
NOISE_SECONDS = 0.002  # that something short may take by chance
ATTEMPTS = 4
PUBLIC = "/api/v1/installation"

Read = Callable[[str], Awaitable[object]]

# What makes patterns and loops go back: one thing many times, and an end that does not fit.
PIECES = (
    "a",
    " ",
    "a=",
    '"',
    "\\",
    'a="\\a',
    "a,",
    ";",
    "[",
    ".",
    "1.",
    ":",
    "/",
    "%2f",
    "&a=",
    "-",
    "=;",
    '=" ',
    "a@",
)
HEADERS = (
    *("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"),
    *("host", "origin", "sec-fetch-site", "content-type", "content-encoding", "accept"),
    *("authorization", "cookie", "idempotency-key", "if-match", "last-event-id"),
    *("traceparent", "x-correlation-id", "x-request-id", "x-headrace-csrf", "access-control-request-headers"),
)


def texts(length: int) -> Iterator[str]:
    for piece in PIECES:
        yield (piece * length)[:length] + "\x01"
        yield "x" + (piece * length)[:length] + "x"


@pytest.fixture(scope="module")
def stack() -> ASGIApp:
    """What every request passes before somebody is known to ask."""
    app = make_app()
    admitted = admit(answer_methods(app, app.routes), Rules(Hosts(["api"]), frozenset(), ndjson_path="/none"))
    origins = allow_origins(admitted, Origins("https://app.example"), links_path="/api/v1/follow")
    return Proxies(["10.0.0.0/8"], "forwarded").believe(correlate(origins, SecurityHeaders()))


async def ask(
    stack: ASGIApp, method: str, headers: dict[str, str], path: str = "/api/v1/tasks", query: str = ""
) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(_message: Any) -> None:
        pass

    given = {"host": "api", "content-type": "application/json", "content-length": "2", **headers}
    scope: Any = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "client": ("10.0.0.1", 1),
        "scheme": "http",
        "http_version": "1.1",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        "state": {},
    }
    await stack(scope, receive, send)


async def seconds(read: Read, text: str) -> float:
    began = thread_time()
    await read(text)
    return thread_time() - began


async def assert_grows_with_length(read: Read, short: str, long: str) -> None:
    before = after = 0.0
    # Something else may have run in between once; a way of reading takes its time at each attempt.
    for _ in range(ATTEMPTS):
        before, after = await seconds(read, short), await seconds(read, long)
        if after <= max(before * GROWTH_MAX, NOISE_SECONDS):
            return
    pytest.fail(f"{short[:20]!r}… takes {before * 1e6:.0f} µs, and {after * 1e6:.0f} µs when it is 16 times as long")


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_a_long_header_costs_in_proportion_to_its_length(stack: ASGIApp, method: str, header: str) -> None:
    for short, long in LENGTHS:
        for before, after in zip(texts(short), texts(long), strict=True):
            await assert_grows_with_length(lambda text: ask(stack, method, {header: text}), before, after)


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_a_long_path_or_query_costs_in_proportion_to_its_length(stack: ASGIApp, method: str) -> None:
    for short, long in LENGTHS:
        for before, after in zip(texts(short), texts(long), strict=True):
            await assert_grows_with_length(lambda text: ask(stack, method, {}, path=f"/api/v1/{text}"), before, after)
            await assert_grows_with_length(lambda text: ask(stack, method, {}, PUBLIC, text), before, after)


READERS: dict[str, Callable[[str], object]] = {
    "forwarded": lambda text: list(read_forwarded(text)),
    "x-forwarded-for": lambda text: list(read_listed(text)),
    "address": parse_address,
    "bearer": lambda text: presented_token({b"authorization": b"Bearer " + text.encode()}),
    "access cookie": lambda text: access_cookie({b"cookie": f"{OVER_HTTPS.access}={text};".encode()}),
    "refresh cookie": lambda text: refresh_cookie({b"cookie": text.encode()}),
    "key": lambda text: is_key(f"hr_{text}"),
    "access token": lambda text: AccessTokens(Secrets(["s" * 32])).verify(text),
    "msgspec's error": split_path,
}


@pytest.mark.parametrize("name", READERS)
async def test_a_long_text_is_read_in_proportion_to_its_length(name: str) -> None:
    async def read(text: str) -> None:
        with suppress(HeadraceError, InvalidAccessToken):
            READERS[name](text)

    for short, long in LENGTHS:
        for before, after in zip(texts(short), texts(long), strict=True):
            await assert_grows_with_length(read, before, after)


def patterns_of_requests() -> Iterator[tuple[str, Callable[[Any], object], bool]]:
    """Every pattern of the modules that read requests, and of the fields that bodies have."""
    for package in (headrace.api.edge, headrace.api.auth, headrace.api.v1, headrace.contracts, headrace.identity):
        for found in iter_modules(package.__path__, f"{package.__name__}."):
            for name, value in vars(import_module(found.name)).items():
                pattern = getattr(value, "__self__", value)
                if isinstance(pattern, re.Pattern):
                    yield f"{found.name}.{name}", pattern.fullmatch, isinstance(pattern.pattern, bytes)
                elif name.endswith("_PATTERN") and isinstance(value, str):
                    # msgspec searches.
                    yield f"{found.name}.{name}", re.compile(value).search, False


async def test_no_pattern_goes_back_and_forth_over_what_a_stranger_sends() -> None:
    patterns = list(patterns_of_requests())
    assert len(patterns) > 15
    for _, match, is_bytes in patterns:

        async def read(text: str, match: Any = match, *, is_bytes: bool = is_bytes) -> None:
            match(text.encode() if is_bytes else text)

        for before, after in zip(texts(128), texts(2_048), strict=True):
            await assert_grows_with_length(read, before, after)
