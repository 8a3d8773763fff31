"""Streams of events that go on although their connection is cut."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import httpx
from msgspec import Struct

from headrace.client.answers import ProblemError, check_stream
from headrace.client.connection import ANSWER_SECONDS
from headrace.client.event_stream import EventStreamParser, Frame
from headrace.client.retries import Retries

SILENCE_SECONDS = 45.0  # three heartbeats of a stream missed: the connection is dead

RESET = "reset"  # the event that says that the log cannot continue after our position

_TIMEOUT = httpx.Timeout(ANSWER_SECONDS, read=SILENCE_SECONDS)


class StreamEvent(Struct, frozen=True, kw_only=True):
    """One event of a stream.

    Attributes:
        position: Where in the log it stands; `Client.follow` continues after it.
        event: An `EventName`, or `reset`.
        data: ``task kind batch at attempt`` and the event's own fields; of a `reset`, ``reason`` and ``position``.
    """

    position: str
    event: str
    data: dict[str, Any]


async def frames(http: httpx.AsyncClient, path: str, cursor: str, last: str) -> AsyncGenerator[Frame]:
    """The frames of a stream, each once and in order; resumes by itself when the connection is cut.

    Args:
        http: What sends the requests.
        path: Of the stream.
        cursor: Continue after it; empty for the beginning.
        last: The event that is followed by nothing when the server ends the stream after it.

    Raises:
        ProblemError: there is no such stream, or the API fails `ATTEMPTS_MAX` times in a row.
        httpx.TransportError: the API cannot be reached `ATTEMPTS_MAX` times in a row.
    """
    over, retries = False, Retries()
    while not over:
        try:
            async with http.stream("GET", path, headers=_headers(cursor), timeout=_TIMEOUT) as answer:
                if answer.status_code == 204:
                    return
                await check_stream(answer)
                parser = EventStreamParser(cursor)
                async for chunk in answer.aiter_bytes():
                    retries.reset()
                    for frame in parser.feed(chunk):
                        over = frame.event == last
                        yield frame
                    cursor = parser.last_event_id
                    retries.asked_for(parser.retry / 1000 if parser.retry is not None else None)
        except (httpx.TransportError, ProblemError) as error:
            if not over:
                retries.count(error)
        if not over:
            await retries.pause()


def _headers(cursor: str) -> dict[str, str]:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    return headers | {"Last-Event-ID": cursor} if cursor else headers
