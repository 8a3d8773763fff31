"""Handlers that go on although their task has ended: left over, because nothing can stop them.

A thread that hangs in a C call cannot be interrupted, and a coroutine may ignore its cancellation. The task is ended without
it, and its slot is given to the next one. That is a leak, so it is counted, shown and bounded: a worker with too many of them
drains and ends, so that a new one takes its place.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from headrace.errors import HeadraceError
from headrace.sdk.kind import AnyKind
from headrace.telemetry import get_logger

LEFT_OVERS_MAX = 32  # of a worker; each keeps a thread, and whatever its handler holds

log = get_logger(__name__)


class WornOut(HeadraceError):
    """Handlers have left too much behind in the worker, which has to be started anew."""

    code = "worn_out"


class LeftOvers:
    """The handlers of a worker that go on although their task has ended."""

    def __init__(self) -> None:
        self._by_kind: Counter[str] = Counter()
        self._too_many: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def __len__(self) -> int:
        return self._by_kind.total()

    @property
    def too_many(self) -> asyncio.Future[str]:
        """Resolved with the reason when the worker is to be replaced."""
        return self._too_many

    def add(self, kind: AnyKind, handler: asyncio.Future[Any], slots: int) -> bool:
        """Count a handler until it ends after all.

        A kind with a limit of concurrency never runs more handlers than that, so one that is left over keeps its slot. When
        that takes the kind's last slot, the worker is replaced too.

        Args:
            kind: The handler's kind.
            handler: Done when the handler ends.
            slots: How many slots the kind has in this worker.

        Returns:
            Whether the handler's slot is free for the next task.
        """
        self._by_kind[kind.name] += 1
        handler.add_done_callback(lambda _: self._remove(kind))
        limited = kind.options.concurrency is not None
        log.error(
            "a handler goes on although its task has ended; it is left over",
            kind=kind.name,
            left_over=len(self),
            of_at_most=LEFT_OVERS_MAX,
        )
        if limited and self._by_kind[kind.name] >= slots:
            self.give_up(
                f"every slot of kind {kind.name} is taken by a handler that goes on although its task has ended"
            )
        elif len(self) >= LEFT_OVERS_MAX:
            self.give_up(f"{len(self)} handlers go on although their tasks have ended")
        return not limited

    def describe(self) -> str:
        """Say in a health check how many there are."""
        return f"ok; {len(self)} of at most {LEFT_OVERS_MAX}" if len(self) else "ok"

    def give_up(self, why: str) -> None:
        """Have the worker replaced, because of what handlers have left behind."""
        if not self._too_many.done():
            self._too_many.set_result(why)

    def _remove(self, kind: AnyKind) -> None:
        self._by_kind[kind.name] -= 1
