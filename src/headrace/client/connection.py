"""Send requests to the API, again when there is no answer and the request may be repeated."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from headrace.client.answers import Out, ProblemError, check_status, decode_answer
from headrace.client.retries import Retries

ANSWER_SECONDS = 10.0  # the API answers within milliseconds, and waits 5 s at most for the log or the read model

JSON = "application/json"

# A proxy from the environment cannot reach a server on this machine.
_NO_PROXY = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}

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
    """

    method: str
    path: str
    params: Mapping[str, Any] = {}
    body: Any = None
    media_type: str = JSON
    key: str | None = None
    patience: float = ANSWER_SECONDS
    repeatable: bool = False


class Connection:
    """A connection to the API, which every part of `Client` uses.

    Args:
        url: Where the API is, as ``http://host:port``.
        transport: Sends the requests; the network by default.
    """

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=f"{self.url}/api/v1",
            timeout=ANSWER_SECONDS,
            transport=transport,
            mounts=None if transport else _NO_PROXY,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def _ask(self, call: Call, of: type[Out]) -> Out:
        """Send a request and decode its answer."""
        return await self._send(call, lambda answer: decode_answer(answer, of))

    async def _ask_without_answer(self, call: Call) -> None:
        """Send a request whose answer has no body."""
        await self._send(call, check_status)

    async def _send(self, call: Call, decode: Callable[[httpx.Response], Out]) -> Out:
        retries = Retries()
        while True:
            try:
                return decode(await self._http.send(self._request(call)))
            except (httpx.TransportError, ProblemError) as error:
                if not call.repeatable:
                    raise
                retries.count_unanswered(error)
                log.warning("%s: %s; trying again", self.url, str(error) or type(error).__name__)
            await retries.pause()

    def _request(self, call: Call) -> httpx.Request:
        headers: dict[str, str] = {}
        content: bytes | AsyncIterator[bytes] | None = None
        if call.body is not None:
            headers["Content-Type"] = call.media_type
            content = msgspec.json.encode(call.body) if call.media_type == JSON else call.body()
        if call.key is not None:
            headers["Idempotency-Key"] = call.key
        timeout = httpx.Timeout(ANSWER_SECONDS, read=call.patience)
        return self._http.build_request(
            call.method, call.path, params=dict(call.params), content=content, headers=headers, timeout=timeout
        )


def path(*segments: str) -> str:
    """Join names to a path, and quote characters that have a meaning in a URL."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not None, with time spans in seconds."""
    return {name: _seconds(value) for name, value in fields.items() if value is not None}


def _seconds(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value
