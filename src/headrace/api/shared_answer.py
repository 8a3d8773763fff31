"""An answer that many want: it is asked for once for all of them, and then reused for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedAnswer(Generic[T]):
    """An answer that is asked for when somebody wants it, by one request at a time.

    Whoever stops waiting leaves the request to the others, and its answer to those who come next. A failure goes to all who
    wait, and the next one asks anew.

    Args:
        ask: Asks for it.
        seconds: For how long an answer is reused.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._asking: asyncio.Task[T] | None = None
        self._known_until = 0.0

    async def get(self) -> T:
        """Return the answer.

        Raises:
            HeadraceError: What asking raises.
        """
        asking = self._asking
        if asking is None or (asking.done() and not self._is_known(asking)):
            asking = self._asking = asyncio.create_task(self._ask_once(), name="ask for all")
            asking.add_done_callback(_note_outcome)
        return await asyncio.shield(asking)

    def _is_known(self, asked: asyncio.Task[T]) -> bool:
        return monotonic() < self._known_until and not asked.cancelled() and asked.exception() is None

    async def _ask_once(self) -> T:
        answer = await self._ask()
        self._known_until = monotonic() + self._seconds
        return answer


def _note_outcome(asked: asyncio.Task[T]) -> None:
    # When everybody has stopped waiting, asyncio would log a failure as one that nobody has seen.
    if not asked.cancelled():
        asked.exception()
