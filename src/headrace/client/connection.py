"""Send requests to the API, again when there is no answer and the request may be repeated."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from headrace.client.address import without_password
from headrace.client.answers import Answer, Out, ProblemError, UnusableRequest, read_answer
from headrace.client.driver import Driver, opened
from headrace.client.retries import Retries, is_over_limit
from headrace.client.unreachable import Unreachable
from headrace.contracts.tasks import KEY_CHARS_MAX

ANSWER_SECONDS = 15.0  # the API answers within milliseconds, and within 12 s while the log is away (docs/cluster.md)

JSON = "application/json"

log = logging.getLogger("headrace.client")


class Call(Struct, frozen=True, kw_only=True):
    """A request that may be sent several times.

    Attributes:
        method: The HTTP method.
        path: The path below `/api/v1`.
        params: The parameters of the query.
        body: A value that is encoded as JSON; for another ``media_type`` a function that gives the parts of the whole body
            each time it is called.
        media_type: The media type of the body.
        key: The Idempotency-Key.
        patience: Seconds to wait for the answer.
        repeatable: Whether sending it again does no harm when it is not known whether the first one arrived.
        awaits_start: Whether it is also sent again while no API has answered yet on this machine, because its inputs are costly
            to give once more.
    """

    method: str
    path: str
    params: Mapping[str, Any] = {}
    body: Any = None
    media_type: str = JSON
    key: str | None = None
    patience: float = ANSWER_SECONDS
    repeatable: bool = False
    awaits_start: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the body is still there after it was sent. Inputs of a batch are not, unless they are kept for a key."""
        return self.media_type == JSON


class Connection:
    """A connection to the API, which every part of `Client` uses.

    Args:
        url: Where the API is, as ``http://host:port``.
        driver: Sends the requests, and waits.

    Attributes:
        url: Where the API is, without a password.
        driver: Sends the requests, and waits.
    """

    def __init__(self, url: str, driver: Driver) -> None:
        self.url = without_password(url.rstrip("/"))
        self.driver = driver
        self._was_answered = False

    @asynccontextmanager
    async def open_content(self, place: str, start: int) -> AsyncGenerator[httpx.Response]:
        """Ask for bytes from a position on, and follow the API to where they are; the key stays here.

        Raises:
            ProblemError: The API or the store refused.
            httpx.TransportError: It does not answer.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        request = self.driver.http.build_request("GET", place, headers={**headers, "Accept-Encoding": "identity"})
        # Of another host, the header with the key is left out.
        async with opened(self.driver, request, follow_redirects=True) as response:
            if not response.is_success:
                (await read_answer(self.driver, response)).check_status()
            yield response

    async def ask(self, call: Call, of: type[Out]) -> Out:
        """Send a request of a part of the client that is no subclass, and decode its answer."""
        return await self._ask(call, of)

    async def ask_without_answer(self, call: Call) -> None:
        """Send a request as above, whose answer has no body."""
        await self._ask_without_answer(call)

    async def _ask(self, call: Call, of: type[Out]) -> Out:
        """Send a request and decode its answer."""
        return await self._send(call, lambda answer: answer.decode(of))

    async def _read(self, of: type[Out], *place: str, wait: float = 0, at_least: str | None = None) -> Out:
        """Read what is below a path, once it reflects a position, or up to ``wait`` seconds later when it is final."""
        params = given(wait=wait or None, at_least=at_least)
        return await self._ask(Call(method="GET", path=path(*place), params=params, patience=wait + ANSWER_SECONDS), of)

    async def _ask_without_answer(self, call: Call) -> None:
        """Send a request whose answer has no body."""
        await self._send(call, Answer.check_status)

    async def _send(self, call: Call, decode: Callable[[Answer], Out]) -> Out:
        retries = Retries(self.driver)
        while True:
            try:
                return decode(await self._answer(self._usable_request(call)))
            except (httpx.TransportError, ProblemError) as error:
                may_repeat = call.repeatable or (is_over_limit(error) and call.is_kept)
                if not may_repeat or self._is_not_started(call, error):
                    raise
                retries.count_unanswered(error)
                log.warning("%s: %s; trying again", self.url, describe(error))
            await retries.pause()

    async def _answer(self, request: httpx.Request) -> Answer:
        async with opened(self.driver, request) as response:
            self._was_answered = True
            return await read_answer(self.driver, response)

    def _is_not_started(self, call: Call, error: Exception) -> bool:
        """Tell whether no API runs at an address of this machine: no pause brings up what a person has not started.

        An API that has answered this client is one that restarts, and worth waiting for.
        """
        is_refused_here = isinstance(error, Unreachable) and error.is_on_this_machine and not error.is_late
        return is_refused_here and not (self._was_answered or call.awaits_start)

    def _usable_request(self, call: Call) -> httpx.Request:
        if call.key is not None:
            _check_key(call.key)
        try:
            return self._request(call)
        except UnicodeEncodeError as error:
            text = error.object[max(0, error.start - 20) : error.end]
            raise UnusableRequest(
                f"{text!r} cannot be sent, because it is not Unicode text: write it in UTF-8"
            ) from error

    def _request(self, call: Call) -> httpx.Request:
        headers: dict[str, str] = {}
        content: bytes | AsyncIterable[bytes] | Iterable[bytes] | None = None
        if call.body is not None:
            headers["Content-Type"] = call.media_type
            content = msgspec.json.encode(call.body) if call.media_type == JSON else self.driver.body(call.body())
        if call.key is not None:
            headers["Idempotency-Key"] = call.key
        timeout = httpx.Timeout(ANSWER_SECONDS, read=call.patience)
        return self.driver.http.build_request(
            call.method, call.path, params=dict(call.params), content=content, headers=headers, timeout=timeout
        )


def _check_key(key: str) -> None:
    """Check that a key can be sent in a header; the API decides on the rest.

    Raises:
        UnusableRequest: It has characters that no header may have.
    """
    if not (key.isascii() and key.isprintable()):
        raise UnusableRequest(
            f"the key {key!r} cannot be sent: a key is 1 to {KEY_CHARS_MAX} visible ASCII characters, such as a UUID"
        )


def describe(error: Exception) -> str:
    """Say what an error says, or at least its name; without what to do, because the request is sent again."""
    if isinstance(error, Unreachable):
        return error.reason
    return str(error) or type(error).__name__


def path(*segments: str) -> str:
    """Join names to a path, and quote characters that have a meaning in a URL."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not None, with time spans in seconds."""
    return {name: _seconds(value) for name, value in fields.items() if value is not None}


def _seconds(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value
