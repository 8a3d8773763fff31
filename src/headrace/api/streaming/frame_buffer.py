"""The newest events of a feed, in memory once for all its followers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from headrace.api.streaming.frames import Frame

FRAMES_MAX = 4096  # events of a feed; a follower that is further behind reads history from the log
BYTES_MAX = 4 << 20  # bytes of a feed; a follower that is further behind reads history from the log
TRIM_FRAMES = 256  # removed at a time: to remove the front of a list is not cheap
CHUNK_FRAMES = 256  # given out at a time, so that one follower does not keep the others waiting
CHUNK_BYTES = 256 << 10  # bytes given out at a time, so that one follower does not keep the others waiting


class FrameBuffer:
    """Holds every frame of a feed after `floor` up to `complete_through`, in log order.

    Attributes:
        floor: Every event after this sequence is here, up to `complete_through`.
        complete_through: Every event up to this sequence is here, from `floor` on. The log may have more.
    """

    __slots__ = ("_bytes", "_frames", "_sequences", "complete_through", "floor")

    def __init__(self, floor: int) -> None:
        self.floor = self.complete_through = floor
        self._frames: list[Frame] = []
        self._sequences: list[int] = []
        self._bytes = 0

    def extend(self, frames: Iterable[Frame], complete_through: int) -> None:
        """Add the next frames. The feed has no other frames up to ``complete_through``."""
        for frame in frames:
            self._frames.append(frame)
            self._sequences.append(frame.sequence)
            self._bytes += len(frame.encoded)
        self.complete_through = max(self.complete_through, complete_through)
        if len(self._frames) > FRAMES_MAX + TRIM_FRAMES or self._bytes > BYTES_MAX:
            self._trim()

    def after(self, sequence: int) -> list[Frame]:
        """Return the frames after a sequence that is not below the floor, at most a chunk of them."""
        start = bisect_right(self._sequences, sequence)
        found = self._frames[start : start + CHUNK_FRAMES]
        size = 0
        for count, frame in enumerate(found, 1):
            size += len(frame.encoded)
            if size > CHUNK_BYTES:
                return found[:count]
        return found

    def all_after(self, sequence: int) -> list[Frame]:
        """Return all frames after a sequence that is not below the floor."""
        return self._frames[bisect_right(self._sequences, sequence) :]

    def _trim(self) -> None:
        """Remove the oldest frames until the rest fits. The newest one stays, however large it is."""
        cut = max(0, len(self._frames) - FRAMES_MAX)
        size = self._bytes - sum(len(frame.encoded) for frame in self._frames[:cut])
        while size > BYTES_MAX and cut < len(self._frames) - 1:
            size -= len(self._frames[cut].encoded)
            cut += 1
        if cut:
            self.floor = self._sequences[cut - 1]
            del self._frames[:cut], self._sequences[:cut]
            self._bytes = size
