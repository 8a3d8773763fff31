"""Requests to the API, and what is done when there is no answer."""

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

from headrace.client.answers import Out, ProblemError, check, read
from headrace.client.retries import Retries

ANSWER_SECONDS = 10.0  # the API answers within milliseconds, and waits 5 s at most for the log or the read model

JSON = "application/json"

# A proxy stands in the way of a server on this machine.
_NO_PROXY = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}

log = logging.getLogger("headrace.client")


class Call(Struct, frozen=True, kw_only=True):
    """A request, as often as it is sent.

    Attributes:
        method: HTTP method.
        path: Below `/api/v1`.
        params: The query.
        body: What is encoded as JSON, or gives the parts of ``media_type``, from the first each time it is called.
        media_type: Of the body.
        key: The Idempotency-Key.
        patience: Seconds to wait for the answer.
        repeatable: Whether it does no harm to send it again when it is not known whether it was received.
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
    """What all that a client can ask for has in common.

    Args:
        url: Where the API is, as ``http://host:port``.
        transport: What sends the requests, instead of the network.
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
        """Send a request and read its answer."""
        return await self._send(call, lambda answer: read(answer, of))

    async def _tell(self, call: Call) -> None:
        """Send a request whose answer says nothing."""
        await self._send(call, check)

    async def _send(self, call: Call, reading: Callable[[httpx.Response], Out]) -> Out:
        retries = Retries()
        while True:
            try:
                return reading(await self._http.send(self._request(call)))
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
    """A path of names, whatever characters they have."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def given(**fields: Any) -> dict[str, Any]:
    """The fields that are not None; time spans as seconds."""
    return {name: _seconds(value) for name, value in fields.items() if value is not None}


def _seconds(value: Any) -> Any:
    return value.total_seconds() if isinstance(value, timedelta) else value
