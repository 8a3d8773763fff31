"""An answer that many want: it is asked for once for all of them, and then reused for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

from headrace.api.going_on import GoingOn

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
        self._going_on = GoingOn()

    async def get(self) -> T:
        """Return the answer.

        Raises:
            HeadraceError: What asking raises.
        """
        asking = self._asking
        if asking is None or (asking.done() and not self._is_known(asking)):
            asking = self._asking = self._going_on.begin(self._ask_once(), "ask for all")
        return await asyncio.shield(asking)

    def _is_known(self, asked: asyncio.Task[T]) -> bool:
        return monotonic() < self._known_until and not asked.cancelled() and asked.exception() is None

    async def _ask_once(self) -> T:
        answer = await self._ask()
        self._known_until = monotonic() + self._seconds
        return answer
