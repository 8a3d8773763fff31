"""Clients of event streams, very many of them: each checks that it is given every line, once and in order."""

from __future__ import annotations

import asyncio
import itertools
from array import array
from collections.abc import Callable, Sequence

from tests.bench.client.lines import read
from tests.bench.client.plans import Latencies
from tests.bench.client.wire import Stream, WireError, connect
from tests.bench.report import percentile

OPENING_MAX = 100  # streams that are being opened at a time; they are not what is measured

OnLine = Callable[[int, int, int], None]


class Reader:
    """One client.

    Args:
        first: The number of the line that it has to be given first.
        ids: Whether events have ids that grow.
        on_line: Called with the number of each line, when it was written, and when it was read.
        on_lost: Called when the stream broke or was not as it has to be: repeated, out of order, something else.

    Attributes:
        next: The number of the line that comes next.
        missing: How many were left out before it.
        opened: Done when the server has begun to answer.
    """

    def __init__(self, first: int, ids: bool, on_line: OnLine, on_lost: Callable[[Reader, Exception], None]) -> None:
        self.next = first
        self.missing = 0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ids = ids
        self._sequence = -1
        self._on_line = on_line
        self._on_lost = on_lost

    async def open(self, path: str, port: int, separator: str = "\n\n") -> None:
        """Follow.

        Raises:
            WireError: the server did not answer with a stream.
            OSError: it cannot be reached.
        """
        await connect(
            lambda: Stream(path, self._on_event, self._lost, on_open=self._opened, separator=separator.encode()), port
        )
        await self.opened

    def _opened(self) -> None:
        self.opened.set_result(None)

    def _on_event(self, event: bytes, read_at: int) -> None:
        found = read(event)
        if found is None:
            if b"\nevent: beat\n" in event:
                return
            if b"\n" in event or not event.startswith((b"id: ", b": ")):  # where the stream begins, or a sign of life
                self._lost(WireError(f"a client was told {event[:200]!r}"))
            return
        number, written = found
        if number != self.next:
            if number < self.next:
                self._lost(WireError(f"a client was given line {number} when line {self.next} was next"))
                return
            self.missing += number - self.next
        if self._ids:
            sequence = int(event[event.index(b"-") + 1 : event.index(b"\n")])
            if sequence <= self._sequence:
                self._lost(WireError(f"a client was given id {sequence} after {self._sequence}"))
                return
            self._sequence = sequence
        self.next = number + 1
        self._on_line(number, written, read_at)

    def _lost(self, error: Exception) -> None:
        if not self.opened.done():
            self.opened.set_exception(error)
        else:
            self._on_lost(self, error)


async def open_all(
    readers: Sequence[Reader], path: str, port: int, separator: str = "\n\n", *, other_path: str = ""
) -> None:
    """Have all of them follow, some at a time, and every second one ``other_path`` if there is one."""
    some = asyncio.Semaphore(OPENING_MAX)

    async def open_one(reader: Reader, path: str) -> None:
        async with some:
            await reader.open(path, port, separator)

    await asyncio.gather(*map(open_one, readers, itertools.cycle((path, other_path or path))))


def latencies(nanoseconds: Sequence[int] | array[int]) -> Latencies:
    """Of deliveries, of which there has to be one."""
    ordered = sorted(nanoseconds)
    p50, p90, p99, p999, worst = (percentile(ordered, each) / 1e6 for each in (50, 90, 99, 99.9, 100))
    return Latencies(count=len(ordered), p50=p50, p90=p90, p99=p99, p999=p999, worst=worst)
