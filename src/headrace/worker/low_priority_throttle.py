"""Whether somebody waits for this worker: what is of low priority then makes room.

Slots and lanes alone do not keep a person's task quick beside a batch of a hundred thousand: tiny tasks take all of the
processor, on every hop of the way, and a queue for the processor knows no priorities. So as long as tasks of high or normal
priority come in, tasks of low priority are taken in small portions with a rest between them. Tasks that wait for something
else than the processor hardly notice.
"""

from __future__ import annotations

import time

ACTIVE_SECONDS = 0.5  # after the last start of a task that somebody waits for
PORTION = 16  # tasks of low priority taken at a time, of each kind
REST_SECONDS = 0.008  # between two portions


class LowPriorityThrottle:
    """What all kinds of a worker know of each other."""

    def __init__(self) -> None:
        self._last = 0.0

    def started(self) -> None:
        """A task that somebody waits for begins."""
        self._last = time.monotonic()

    @property
    def is_active(self) -> bool:
        """Whether one did a moment ago."""
        return time.monotonic() - self._last < ACTIVE_SECONDS
