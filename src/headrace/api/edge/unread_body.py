"""Request bodies that are refused before they were read to the end: the client must still receive the answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

READ_OUT_BYTES_MAX = 64 << 20  # bytes; a client that sends more finds the connection closed
READ_OUT_SECONDS = 10.0


def read_out_refused(app: ASGIApp) -> ASGIApp:
    """Read the rest of a refused body before the answer is sent.

    When a server answers and closes the connection while the client still sends, most clients report a broken connection
    instead of the answer (RFC 9112, section 9.6).
    """

    async def reading_out(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["method"] in ("POST", "PUT"):
            body = _Body(receive)
            await app(scope, body.receive, body.read_out_before(send))
        else:
            await app(scope, receive, send)

    return reading_out


class _Body:
    """A request body that knows whether the application has read it to the end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    async def receive(self) -> HTTPReceiveMessage:
        message = cast("HTTPReceiveMessage", await self._receive())
        self._complete = message["type"] != "http.request" or not message["more_body"]
        return message

    def read_out_before(self, send: Send) -> Send:
        async def send_after_body(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
                await self._read_out()
            await send(message)

        return send_after_body

    async def _read_out(self) -> None:
        size = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(READ_OUT_SECONDS):
                while not self._complete and size < READ_OUT_BYTES_MAX:
                    message = await self.receive()
                    size += len(message["body"]) if message["type"] == "http.request" else 0
