"""The NATS protocol frame by frame, and a network that loses live messages without a sign.

The protocol: https://docs.nats.io/reference/reference-protocols/nats-protocol, and ADR-4 for messages with headers.
"""

from __future__ import annotations

import random

LIVE = b"hr.live."
_END = b"\r\n"


class FrameCutter:
    """Cuts what a server sends into frames, however it was split on its way."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, some: bytes) -> list[bytes]:
        """The frames that are complete by now, each with its line ends."""
        rest = self._rest + some
        found: list[bytes] = []
        start = 0
        while (end := _end(rest, start)) is not None:
            found.append(rest[start:end])
            start = end
        self._rest = rest[start:]
        return found


def subject(frame: bytes) -> bytes:
    """The subject of a message; nothing for other frames."""
    verb, _, rest = frame.partition(b" ")
    return rest.partition(b" ")[0] if verb in (b"MSG", b"HMSG") else b""


class LossyLiveFeed:
    """Loses live messages on their way from a server, at random.

    Args:
        rng: Decides which.
        share: How many of them, from 0 to 1. May be changed at any time.

    Attributes:
        passed: How many live messages came through.
        lost: How many did not.
    """

    def __init__(self, rng: random.Random, share: float) -> None:
        self.share = share
        self.passed = self.lost = 0
        self._rng = rng

    def __call__(self) -> _LossyConnection:
        """Return what becomes of the bytes of one more connection."""
        return _LossyConnection(self)

    def keeps(self, frame: bytes) -> bool:
        if not subject(frame).startswith(LIVE):
            return True
        kept = self._rng.random() >= self.share
        self.passed += kept
        self.lost += not kept
        return kept


class _LossyConnection:
    def __init__(self, of: LossyLiveFeed) -> None:
        self._of = of
        self._frames = FrameCutter()

    def __call__(self, some: bytes) -> bytes:
        return b"".join(frame for frame in self._frames.feed(some) if self._of.keeps(frame))


def _end(some: bytes, start: int) -> int | None:
    """Where the frame that begins at ``start`` ends; None when not all of it is there."""
    line_end = some.find(_END, start)
    if line_end < 0:
        return None
    parts = some[start:line_end].split(b" ")
    end = line_end + len(_END)
    if parts[0] in (b"MSG", b"HMSG"):  # the last number is the length of all that follows: headers and payload
        end += int(parts[-1]) + len(_END)
    return end if end <= len(some) else None
