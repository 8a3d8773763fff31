"""The newest events of a feed, in memory once for all who follow it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from headrace.api.streaming.frames import Frame

FRAMES_MAX = 4096  # of a feed; whoever is further behind reads history, which is in the log and not in our memory
BYTES_MAX = 4 << 20  # bytes of a feed, likewise
TRIM_FRAMES = 256  # taken away at a time: the front of a list is not cheap to take from
CHUNK_FRAMES = 256  # given out at a time, so that one follower does not keep the others waiting
CHUNK_BYTES = 256 << 10  # bytes, likewise


class Recent:
    """Frames in log order, and all of them between two positions.

    Attributes:
        floor: Every event after this sequence is here.
        complete: Up to this sequence; the log may have more.
    """

    __slots__ = ("_bytes", "_frames", "_sequences", "complete", "floor")

    def __init__(self, floor: int) -> None:
        self.floor = self.complete = floor
        self._frames: list[Frame] = []
        self._sequences: list[int] = []
        self._bytes = 0

    def extend(self, frames: Iterable[Frame], complete: int) -> None:
        """Add what comes next; up to ``complete`` there is nothing else."""
        for frame in frames:
            self._frames.append(frame)
            self._sequences.append(frame.sequence)
            self._bytes += len(frame.encoded)
        self.complete = max(self.complete, complete)
        if len(self._frames) > FRAMES_MAX + TRIM_FRAMES or self._bytes > BYTES_MAX:
            self._trim()

    def after(self, sequence: int) -> list[Frame]:
        """The next frames after a sequence that is not below the floor, a chunk at most."""
        start = bisect_right(self._sequences, sequence)
        found = self._frames[start : start + CHUNK_FRAMES]
        size = 0
        for count, frame in enumerate(found, 1):
            size += len(frame.encoded)
            if size > CHUNK_BYTES:
                return found[:count]
        return found

    def all_after(self, sequence: int) -> list[Frame]:
        """All that there are after a sequence that is not below the floor."""
        return self._frames[bisect_right(self._sequences, sequence) :]

    def _trim(self) -> None:
        """Take the oldest away; the newest stays, however large it is."""
        cut = max(0, len(self._frames) - FRAMES_MAX)
        size = self._bytes - sum(len(frame.encoded) for frame in self._frames[:cut])
        while size > BYTES_MAX and cut < len(self._frames) - 1:
            size -= len(self._frames[cut].encoded)
            cut += 1
        if cut:
            self.floor = self._sequences[cut - 1]
            del self._frames[:cut], self._sequences[:cut]
            self._bytes = size
