"""The hints that wait for one stream: of each subject the newest, so that a client never has more of them to take than it may see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

PAUSE_SECONDS = 0.25  # between two chunks of hints; a browser draws no faster
WAITING_MAX = 128  # hints that may wait for a client; of more the oldest are left out, unless they say how it is now

Wants = Callable[[str, str | None, str | None], bool]
"""Tells whether a hint is wanted, by its name, and the kind and the batch that it is about."""


class Hint(NamedTuple):
    """A hint, encoded once for all streams.

    Attributes:
        name: The name of the event.
        key: What it is about: a newer hint with the same key takes its place.
        encoded: The bytes to send. They have no id, so that they do not move a client's cursor.
        kind: The kind that it is about, if it is about one.
        batch: The batch that it is about, if it is about one.
    """

    name: str
    key: str
    encoded: bytes
    kind: str | None = None
    batch: str | None = None


class HintBuffer:
    """The hints that wait for one stream.

    Args:
        wake: Makes the stream go on, so that it takes them.
        wants: Selects hints; None for all of them.
    """

    def __init__(self, wake: Callable[[], None], wants: Wants | None = None) -> None:
        self._wake = wake
        self._wants = wants
        self._waiting: dict[str, bytes] = {}
        self._current: set[str] = set()
        self._next_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._on_close: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, hint: Hint, *, is_current: bool = False) -> None:
        """Have a hint wait, and the stream take it when `PAUSE_SECONDS` have passed since it took some.

        Args:
            hint: The hint.
            is_current: Whether it says how something is now, for as long as there is no newer one, and is never left out.
        """
        if self._wants is not None and not self._wants(hint.name, hint.kind, hint.batch):
            return
        # The newest is the last, also when it takes the place of an older one.
        self._waiting.pop(hint.key, None)
        self._waiting[hint.key] = hint.encoded
        if is_current:
            self._current.add(hint.key)
        if len(self._waiting) > WAITING_MAX:
            # Nothing else would say the counts until they change again.
            del self._waiting[next(key for key in self._waiting if key not in self._current)]
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._next_at, loop.time()), self._on_due)

    def take(self) -> bytes:
        """Return the waiting hints, if some are due."""
        if not self._waiting or (now := asyncio.get_running_loop().time()) < self._next_at:
            return b""
        self._next_at = now + PAUSE_SECONDS
        taken = b"".join(self._waiting.values())
        self._waiting.clear()
        return taken

    def on_close(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when the stream is closed."""
        self._on_close.append(callback)

    def close(self) -> None:
        """Take no hints any more."""
        if self._timer is not None:
            self._timer.cancel()
        for callback in self._on_close:
            callback()

    def _on_due(self) -> None:
        self._timer = None
        if self._waiting:
            self._wake()
