"""The throttle that lets tasks of low priority make room while somebody waits for a task of higher priority.

Slots and lanes alone do not keep a person's task quick beside a batch of a hundred thousand: tiny tasks use all of the
processor, at every hop, and the queue for the processor knows no priorities. So as long as tasks of high or normal priority
start, a worker pulls tasks of low priority in small portions with a rest between them. Tasks that wait for something other
than the processor hardly notice.
"""

from __future__ import annotations

import time

ACTIVE_SECONDS = 0.5  # after the last start of a task of high or normal priority
PORTION = 16  # tasks of low priority pulled at a time, of each kind
REST_SECONDS = 0.008  # between two portions


class LowPriorityThrottle:
    """Tells all kinds of a worker whether to pull tasks of low priority in portions."""

    def __init__(self) -> None:
        self._last_start = 0.0

    def note_start(self) -> None:
        """Note that a task of high or normal priority starts."""
        self._last_start = time.monotonic()

    @property
    def is_active(self) -> bool:
        """Whether a task of high or normal priority started a moment ago."""
        return time.monotonic() - self._last_start < ACTIVE_SECONDS
