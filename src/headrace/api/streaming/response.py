"""The response of an event stream: it sends what a source generates, chunk by chunk, until either side ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Protocol

from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from headrace.api.edge.server_send import server_send
from headrace.api.streaming.open_streams import OpenStream, OpenStreams
from headrace.api.streaming.viewer import Viewer

# Without this header, nginx would hold events back.
HEADERS = {"X-Accel-Buffering": "no"}


class Source(Protocol):
    """What a stream sends, such as `headrace.api.streaming.task_stream.TaskStream`."""

    def chunks(self, stream: OpenStream, /) -> AsyncGenerator[bytes]:
        """Generate the chunks, until there are no more or the stream must end."""
        ...

    def wake(self) -> None:
        """Make `chunks` go on, even with nothing to send."""
        ...

    def close(self) -> None:
        """Stop following. It is called once, also when `chunks` was never begun."""
        ...


class StreamResponse(Response[bytes]):
    """A response of server-sent events.

    Args:
        streams: The open streams, of which this one is to be one.
        source: Generates what is sent.
        viewer: Whom it is sent to.
        headers: More headers.

    Raises:
        TooManyRequests: The viewer has as many streams open as it may. The source is closed then.
    """

    def __init__(
        self,
        streams: OpenStreams,
        source: Source,
        viewer: Viewer,
        *,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(b"", media_type="text/event-stream", headers={**HEADERS, **(headers or {})})
        self._streams = streams
        self._source = source
        self._viewer = viewer
        try:
            streams.places.reserve(viewer)
        except BaseException:
            source.close()
            raise

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **options: Any) -> ASGIResponse:
        """Return what Litestar sends."""
        headers: dict[str, Any] = {**self.headers, **(options.get("headers") or {})}
        sender = _Sender(headers=headers, media_type=self.media_type, status_code=200)
        sender.prepare(self._streams, self._source, self._viewer)
        return sender


class _Sender(ASGIResponse):
    """Sends the chunks in the one task that the request has. Litestar's own streaming response takes two tasks more."""

    __slots__ = ("_source", "_streams", "_viewer")

    _should_set_content_length = False

    def prepare(self, streams: OpenStreams, source: Source, viewer: Viewer) -> None:
        self._streams = streams
        self._source = source
        self._viewer = viewer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.start_response(send)
            await self.send_body(server_send(scope, send), receive)
        finally:
            # A generator that was not begun runs nothing when it is closed, so what it would send from is closed here.
            self._source.close()
            self._streams.places.release(self._viewer)

    async def send_body(self, send: Send, receive: Receive) -> None:
        task = asyncio.current_task()
        stream = self._streams.add(self._source.wake, self._viewer, send)
        leaving = asyncio.ensure_future(_until_gone(receive))
        leaving.add_done_callback(lambda ended: ended.cancelled() or stream.cut("left"))
        chunks = self._source.chunks(stream)
        try:
            async for chunk in chunks:
                stream.write_started()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                stream.write_finished()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            # A cut stream is cancelled by `OpenStream.cut`; any other cancellation is meant for the whole request.
            if not stream.is_cut or task is None or task.uncancel() > 0:
                raise
        finally:
            leaving.cancel()
            self._streams.remove(stream)
            await chunks.aclose()


async def _until_gone(receive: Receive) -> None:
    """Return when the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
