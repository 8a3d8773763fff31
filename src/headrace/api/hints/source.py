"""A source of hints, which works for as long as a stream wants what it gives."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import msgspec

from headrace.api.hints.buffer import Hint, HintBuffer
from headrace.errors import HeadraceError
from headrace.log.connection import Log
from headrace.repeated import RepeatedWarning
from headrace.telemetry import get_logger

RETRY_SECONDS = 1.0  # until a source that has failed tries again

Told = TypeVar("Told")
OnMessage = Callable[[str, bytes], None]


class HintSource(ABC):
    """Gives hints to the streams that have joined it.

    Streams never wait for it, and none ends because it fails.
    """

    def __init__(self) -> None:
        self._buffers: set[HintBuffer] = set()
        self._working: asyncio.Task[None] | None = None
        # The newest hints that whoever joins is given at once, by key.
        self._current: dict[str, Hint] = {}
        self._failing = RepeatedWarning(
            get_logger(__name__), f"hints are left out: {type(self).__name__}", "hints are given again"
        )
        self._unreadable = RepeatedWarning(
            get_logger(__name__),
            f"what was told live cannot be read: {type(self).__name__}",
            "nobody follows any more what was told live and could not be read",
        )

    @property
    def is_wanted(self) -> bool:
        """Whether a stream has joined."""
        return bool(self._buffers)

    def join(self, buffer: HintBuffer) -> None:
        """Give hints to a stream, first those that say how it is now."""
        self._buffers.add(buffer)
        for hint in self._current.values():
            buffer.put(hint, is_current=True)
        if self._working is None:
            self._working = asyncio.create_task(self._work(), name=f"hints: {type(self).__name__}")

    def leave(self, buffer: HintBuffer) -> None:
        """Give no more hints to a stream. Without streams the source does nothing."""
        self._buffers.discard(buffer)
        if not self._buffers and self._working is not None:
            self._working.cancel()
            self._working = None
            self._current.clear()
            self._unreadable.end()

    def give(self, hint: Hint, *, is_current: bool = False) -> None:
        """Give a hint to all streams. ``is_current`` also gives it to those that join later, until there is a newer one."""
        if is_current:
            self._current[hint.key] = hint
        for buffer in self._buffers:
            buffer.put(hint, is_current=is_current)

    def read(self, decode: Callable[[bytes], Told], subject: str, payload: bytes) -> Told | None:
        """Return what was told under a subject; None when it cannot be read, which is logged once for each reason."""
        try:
            return decode(payload)
        except msgspec.MsgspecError as error:
            # Another process may be of a later version, and tell as much four times a second.
            self._unreadable.note(str(error), subject=subject)
            return None

    @abstractmethod
    async def work(self) -> None:
        """Give hints until cancelled.

        Raises:
            HeadraceError: What the hints are about cannot be asked. The work begins again.
        """

    async def _work(self) -> None:
        while True:
            try:
                await self.work()
            except HeadraceError as error:
                self._failing.note(error.message)
            await asyncio.sleep(RETRY_SECONDS)

    def succeeded(self) -> None:
        """Note that the work goes well, so that the next failure is logged."""
        self._failing.end()


@asynccontextmanager
async def listening(log: Log, subjects: Mapping[str, OnMessage]) -> AsyncGenerator[None]:
    """Hear what is published under some subjects, for the block.

    Raises:
        LogUnavailable: NATS cannot be reached.
    """
    async with AsyncExitStack() as stack:
        for subject, on_message in subjects.items():
            subscription = await log.live.watch(subject, on_message)
            stack.push_async_callback(subscription.close)
        yield
