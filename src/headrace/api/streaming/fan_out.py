"""The fan-out of a feed: what is new is prepared once, and given to all who follow.

A follower that has every event before the news is given them where it waits, without a turn of the event loop for each client.
Any other follower is woken, and reads what it has not had from the feed. When many follow, the events of a few milliseconds are
given out together: the first one at once, and those that come soon after it when the pause is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import time
from typing import NamedTuple

from litestar.types import HTTPResponseBodyEvent

from headrace.api.streaming.frame_buffer import CHUNK_BYTES, CHUNK_FRAMES
from headrace.api.streaming.frames import Frame
from headrace.api.streaming.metrics import StreamMetrics
from headrace.contracts.positions import Position

MANY = 100  # followers; writing to fewer takes less time than the pause
PAUSE_SECONDS = 0.01  # between two writes to many followers, which take a thousand of them about twice that in CPU time


class News(NamedTuple):
    """The newest events of a feed.

    Attributes:
        frames: The events, in log order.
        after: The news are all events of the feed after this position.
        position: The news are all events of the feed up to this position.
        message: The events as the message that the server is given for each client.
    """

    frames: Sequence[Frame]
    after: Position
    position: Position
    message: HTTPResponseBodyEvent


Listener = Callable[[News | None], bool]
"""Is called with news, or with None when the feed has to be read. Returns whether it has sent its events."""


class FanOut:
    """All who follow a feed, and what they have not been told yet.

    Args:
        metrics: The counters of this process.
    """

    def __init__(self, metrics: StreamMetrics) -> None:
        self._metrics = metrics
        self._listeners: set[Listener] = set()
        self._frames: list[Frame] = []
        self._bytes = 0
        # Before the first event that was not told yet; None when everything was.
        self._after: Position | None = None
        self._position = Position(0, 0)
        self._pause: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self, listener: Listener) -> None:
        """Tell a listener from now on."""
        self._listeners.add(listener)

    def leave(self, listener: Listener) -> None:
        """Stop telling a listener."""
        self._listeners.discard(listener)

    def tell(self, frames: Sequence[Frame], after: Position, position: Position) -> None:
        """Tell all listeners what is new: at once, or within `PAUSE_SECONDS` when many were told something just now.

        Args:
            frames: The events that were added to the feed's buffer.
            after: Where the buffer ended before.
            position: Where it ends now.
        """
        self._after = after if self._after is None else self._after
        self._position = position
        self._frames += frames
        self._bytes += sum(len(frame.encoded) for frame in frames)
        if self._pause is None or self._is_much:
            self._tell_all()

    def wake(self) -> None:
        """Have all listeners read the feed."""
        self._take()
        for listener in self._listeners:
            listener(None)

    @property
    def _is_much(self) -> bool:
        """Whether there is more to tell than a client is given at a time."""
        return len(self._frames) >= CHUNK_FRAMES or self._bytes > CHUNK_BYTES

    def _tell_all(self) -> None:
        if self._is_much:
            self.wake()
            return
        news = self._take()
        sent = sum([listener(news) for listener in self._listeners])
        if news is not None and sent:
            self._metrics.events_out += sent * len(news.frames)
            self._metrics.delays.record(max(0.0, time() - news.frames[0].at), sent)
        if len(self._listeners) >= MANY:
            self._pause = asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._on_pause_over)

    def _take(self) -> News | None:
        """Return what was not told yet; nothing of it is left."""
        if self._after is None:
            return None
        frames, after = self._frames, self._after
        self._frames, self._bytes, self._after = [], 0, None
        body = b"".join([frame.encoded for frame in frames])
        return News(frames, after, self._position, {"type": "http.response.body", "body": body, "more_body": True})

    def _on_pause_over(self) -> None:
        self._pause = None
        if self._after is not None:
            self._tell_all()
