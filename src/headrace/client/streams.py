"""Read streams of events, and resume them when their connection is cut."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Container
from contextlib import aclosing
from typing import Any

import httpx
from msgspec import Struct

from headrace.client.answers import Out, ProblemError, check_stream, decode_json, not_headrace, read_parts
from headrace.client.connection import ANSWER_SECONDS, describe, log
from headrace.client.driver import Driver, opened
from headrace.client.event_stream import EventStreamParser, Frame
from headrace.client.retries import Retries

SILENCE_SECONDS = 45.0  # three beats missed: the connection is dead
EVENT_CHARS_MAX = 32 << 20  # no message of the log is larger than 8 MB

RESET = "reset"  # the event that says that the log cannot continue after the position asked for

_TIMEOUT = httpx.Timeout(ANSWER_SECONDS, read=SILENCE_SECONDS)


class StreamEvent(Struct, frozen=True, kw_only=True):
    """One event of a stream.

    Attributes:
        position: Its position in the log; `Client.follow` continues after it.
        event: An `EventName`, or `reset`.
        data: ``task kind batch at attempt`` and the event's own fields; for a `reset`, ``reason`` and ``position``.
    """

    position: str
    event: str
    data: dict[str, Any]


class FrameStream:
    """The frames of a stream, each once and in order, also when its connection is cut.

    Args:
        driver: Sends the requests, and waits.
        path: The path of the stream.
        cursor: Continue after this position; empty for the beginning.
        last_event: The event that may be the last one. The server alone knows, because a task may run again.
        known: The events that are given. Others are signs of life, as `beat` is, or those of a later version.
    """

    def __init__(self, driver: Driver, path: str, cursor: str, last_event: str, known: Container[str]) -> None:
        self._driver = driver
        self._path = path
        self._cursor = cursor
        self._last_event = last_event
        self._known = known
        self._answer: httpx.Response | None = None
        self._is_over = False
        self._has_begun = False
        # The last event was given, and since then no other one.
        self._has_ended = False
        # It came over the present connection, which began after another position.
        self._has_just_ended = False
        self._retries = Retries(driver)

    async def frames(self) -> AsyncGenerator[Frame]:
        """Give the frames; reconnects and resumes until the stream is over.

        It is over when the server answers 204, or ends the answer after the last event without a `retry:` for coming back. A
        connection that is cut says nothing, so the server is asked again.

        Raises:
            ProblemError: There is no such stream, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: The API cannot be reached `ATTEMPTS_MAX` times in a row.
        """
        while not self._is_over:
            async with aclosing(self._connect()) as connection:
                async for frame in connection:
                    yield frame
            # Whether the last event was the end is asked at once.
            if not self._is_over and not self._has_just_ended:
                await self._retries.pause()

    def decode(self, frame: Frame, of: type[Out]) -> Out:
        """Decode the data of a frame that this stream gave.

        Raises:
            ProblemError: The data is not what this API sends.
        """
        assert self._answer is not None, "the frame is of another stream"
        return decode_json(self._answer, frame.data.encode(), of)

    async def _connect(self) -> AsyncGenerator[Frame]:
        """Give the frames of one connection until it ends or breaks."""
        http = self._driver.http
        request = http.build_request("GET", self._path, headers=_headers(self._cursor), timeout=_TIMEOUT)
        self._has_begun = self._has_just_ended = False
        try:
            async with (
                opened(self._driver, request) as answer,
                aclosing(self._read(answer)) as frames,
            ):
                async for frame in frames:
                    yield frame
            if not (self._has_begun or self._is_over):
                raise httpx.RemoteProtocolError("the stream ended before it began")
        except (httpx.TransportError, ProblemError) as error:
            self._count(error)

    def _count(self, error: httpx.TransportError | ProblemError) -> None:
        """Count a failure, or raise it when another attempt is useless; after the last event the stream is over then."""
        try:
            self._retries.count(error)
        except (httpx.TransportError, ProblemError):
            if not self._has_ended:
                raise
            self._is_over = True
            return
        url = self._driver.http.base_url.copy_with(userinfo=b"")
        log.warning("%s%s: %s; trying again", url, self._path.lstrip("/"), describe(error))

    async def _read(self, answer: httpx.Response) -> AsyncGenerator[Frame]:
        # The server answers 204 when nothing follows the cursor any more.
        if answer.status_code == 204:
            self._is_over = True
            return
        await check_stream(self._driver, answer)
        self._answer = answer
        parser, began_after = EventStreamParser(self._cursor), self._cursor
        async for chunk in read_parts(self._driver, answer):
            self._has_begun = True
            self._retries.reset()
            for frame in parser.feed(chunk):
                if frame.event not in self._known:
                    continue
                self._has_ended = frame.event == self._last_event
                self._has_just_ended = self._has_ended and frame.last_event_id != began_after
                yield frame
            if parser.waiting > EVENT_CHARS_MAX:
                raise not_headrace(answer)
            self._cursor = parser.last_event_id
            self._retries.set_pause(parser.retry / 1000 if parser.retry is not None else None)
        # The server has ended the answer. When it has to stop and has more to say, it says when to come back.
        self._has_just_ended = False
        self._is_over = self._has_ended and parser.retry is None


def _headers(cursor: str) -> dict[bytes, bytes]:
    # Whoever accepts a stream alone, as browsers do, is told in a stream why there is none.
    headers = {b"Accept": b"text/event-stream, application/problem+json", b"Cache-Control": b"no-store"}
    # The standard has the id in UTF-8; that of another server may be any text.
    return headers | {b"Last-Event-ID": cursor.encode()} if cursor else headers
