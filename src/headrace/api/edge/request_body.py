"""Request bodies while they arrive: no client is waited for without end, and a refusal reaches a client that still sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send

from headrace.api.edge.headers import read_headers
from headrace.api.edge.upload_room import UploadRoom
from headrace.errors import BodyTimeout, HeadraceError, MalformedRequest, Stopping

SILENT_SECONDS = 30.0  # without a byte of a body; a mobile network that is away for longer is gone
START_SECONDS = 60.0  # of waiting for a body, however small it is
BYTES_PER_SECOND_MIN = 4 << 10  # of a body that takes longer; bad mobile networks send more
STOPPING_SECONDS = 1.0  # without a byte, once the process is told to stop
CHECK_SECONDS = 0.5  # between two checks of all bodies
HELD_BYTES_MAX = 128 << 20  # of the bodies that arrive in parts, all together; decoded, one takes twenty times as much

READ_OUT_BYTES_MAX = 64 << 20  # bytes; a client that sends more finds the connection closed
READ_OUT_SECONDS = 10.0


class OpenBodies:
    """The request bodies that this process waits for.

    Attributes:
        memory: The room for bodies that arrive in parts and are kept in memory.
        waiting: The bodies of which a part is waited for.
    """

    def __init__(self) -> None:
        self.memory = UploadRoom(HELD_BYTES_MAX)
        self.waiting: set[RequestBody] = set()
        self._draining = False

    def receive_within_limits(
        self, app: ASGIApp, streamed_types: frozenset[bytes], takes_file: Callable[[str], object] = lambda _: False
    ) -> ASGIApp:
        """Limit how long an application waits for a body, and how much of all bodies is in memory.

        The rest of a refused body is read before the answer is sent: when a server answers and closes the connection while the
        client still sends, most clients report a broken connection instead of the answer (RFC 9112, section 9.6).

        Args:
            app: The application.
            streamed_types: The media types of bodies of which the application keeps no more in memory than a part.
            takes_file: Returns whether the body of a path is the bytes of a file, of which it keeps no more either.
        """

        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP or scope["method"] not in ("POST", "PUT", "PATCH", "DELETE"):
                await app(scope, receive, send)
                return
            body = RequestBody(self, scope, receive, streamed_types)
            body.is_file = bool(takes_file(scope["path"]))
            try:
                await app(scope, body.receive, body.read_out_before(send))
            finally:
                if body.held:
                    self.memory.give_back(body.held)

        return limited

    async def watch(self) -> None:
        """End the bodies that are overdue, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self._check_all(loop.time())

    def drain(self) -> None:
        """Wait for clients that are silent for a second no longer: the process is about to stop."""
        self._draining = True

    def _check_all(self, now: float) -> None:
        # A function of its own, whose names end with it: a watch that still named a body would keep its connection open.
        for body in list(self.waiting):
            body.check(now, stopping=self._draining)


class RequestBody:
    """The body of one request.

    Args:
        bodies: The bodies of this process.
        scope: The request.
        receive: Receives from the server.
        streamed_types: The media types of bodies of which the application keeps no more in memory than a part.

    Attributes:
        held: The bytes of the body that count as kept in memory.
        is_file: Whether it is the bytes of a file, which are not kept in memory.
    """

    # Most bodies come in one part. What only others need is set when they need it.
    _complete = False
    _has_unread_end = False
    held = 0
    is_file = False
    _refusal: HeadraceError | None = None
    _size = 0
    _task: asyncio.Task[object] | None = None
    _waited = 0.0
    _waiting_since = 0.0

    def __init__(
        self, bodies: OpenBodies, scope: HTTPScope, receive: Receive, streamed_types: frozenset[bytes]
    ) -> None:
        self._bodies = bodies
        self._scope = scope
        self._receive = receive
        self._streamed_types = streamed_types

    async def receive(self) -> HTTPReceiveMessage:
        """Receive the next part of the body; after the last one, whatever the server has to say.

        Raises:
            BodyTimeout: The client sends nothing, or too slowly.
            Stopping: The client sends nothing, and the process is about to stop.
            MalformedRequest: The client has left, or what it sends is no body (RFC 9112, section 7.1).
            TooManyUploads: The bodies of all clients take too much memory.
        """
        if self._complete:
            return await self._receive_after_end()
        message = await self._receive_in_time()
        if message["type"] != "http.request":
            self._complete = True
            raise MalformedRequest("the body ended early: the connection was closed, or what it sent was no HTTP body")
        size = len(message["body"])
        if message["more_body"] and self._size + size == int(read_headers(self._scope).get(b"content-length", -1)):
            # The server would say so in one more part, which is empty and takes three turns of its threads.
            message["more_body"], self._has_unread_end = False, True
        self._complete = not message["more_body"]
        if not self._complete or (self._size and self._has_unread_end):
            self._count_part(size)
        return message

    async def _receive_after_end(self) -> HTTPReceiveMessage:
        """Receive what the server has to say after the last part: in the end, that the client has left."""
        message = cast("HTTPReceiveMessage", await self._receive())
        if self._has_unread_end and message["type"] == "http.request":
            self._has_unread_end = False
            message = cast("HTTPReceiveMessage", await self._receive())
        return message

    def check(self, now: float, *, stopping: bool) -> None:
        """Refuse the body if it is overdue."""
        silent = now - self._waiting_since
        if stopping and silent > STOPPING_SECONDS:
            self._refuse(Stopping("the API is about to stop, and the body does not arrive; send the request again"))
        elif silent > SILENT_SECONDS:
            self._refuse(
                BodyTimeout(f"no byte of the body has arrived for {SILENT_SECONDS:.0f} seconds; send it faster")
            )
        elif self._waited + silent > START_SECONDS + self._size / BYTES_PER_SECOND_MIN:
            self._refuse(
                BodyTimeout(f"the body arrives slower than {BYTES_PER_SECOND_MIN >> 10} KB per second; send it faster")
            )

    def read_out_before(self, send: Send) -> Send:
        """Return a `send` that reads the rest of the body before it sends a refusal."""

        async def send_after_body(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
                await self._read_out()
            await send(message)

        return send_after_body

    async def _receive_in_time(self) -> HTTPReceiveMessage:
        """Receive a message. `check` cancels the task when the client is not to be waited for any longer."""
        self._task = asyncio.current_task()
        self._waiting_since = asyncio.get_running_loop().time()
        self._bodies.waiting.add(self)
        try:
            return cast("HTTPReceiveMessage", await self._receive())
        except asyncio.CancelledError:
            # Any other cancellation is meant for the whole request.
            if self._refusal is None or self._task is None or self._task.uncancel() > 0:
                raise
            self._complete = True
            # An error that stays here would keep the request, and with it the connection, until garbage is collected.
            refusal, self._refusal = self._refusal, None
            try:
                raise refusal from None
            finally:
                del refusal
        finally:
            self._bodies.waiting.discard(self)

    def _count_part(self, size: int) -> None:
        """Count a part of a body that arrives in several: few do."""
        self._waited += asyncio.get_running_loop().time() - self._waiting_since
        self._size += size
        if (
            not self.is_file
            and read_headers(self._scope).get(b"content-type", b"").partition(b";")[0].strip().lower()
            not in self._streamed_types
        ):
            self._bodies.memory.take(size)
            self.held += size

    def _refuse(self, refusal: HeadraceError) -> None:
        if self._refusal is None and self._task is not None:
            self._refusal = refusal
            self._task.cancel()

    async def _read_out(self) -> None:
        if not self._size and b"expect" in read_headers(self._scope):
            # The client sends its body only once it is asked to.
            return
        size = 0
        with suppress(TimeoutError, HeadraceError):
            async with asyncio.timeout(READ_OUT_SECONDS):
                while not self._complete and size < READ_OUT_BYTES_MAX:
                    message = await self._receive_in_time()
                    self._complete = message["type"] != "http.request" or not message["more_body"]
                    size += len(message["body"]) if message["type"] == "http.request" else 0
