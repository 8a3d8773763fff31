"""Screens that are composed at this moment, so that a hundred equal requests at once do not each wait for a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from headrace.api.bff.last_good import Key
from headrace.api.going_on import GoingOn

AT_A_TIME = 4  # of equal ones: several tabs of a person; the pool of connections has ten

T = TypeVar("T")


class Compositions(Generic[T]):
    """Composes each screen so many times at once. Whoever asks for it meanwhile shares the next one with all others who do.

    The next one begins after they have asked, so nobody misses what was there before.
    """

    def __init__(self) -> None:
        self._slots: WeakValueDictionary[Key, asyncio.Semaphore] = WeakValueDictionary()
        self._next: dict[Key, asyncio.Task[T]] = {}
        self._going_on = GoingOn()

    async def compose(self, key: Key, compose: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Compose a screen, or wait for the next one of this key."""
        slots = self._slots.get(key)
        if slots is None:
            slots = self._slots[key] = asyncio.Semaphore(AT_A_TIME)
        if not slots.locked():
            async with slots:
                return await compose()
        # It goes on when whoever has asked first does not wait for it any more.
        return await asyncio.shield(self._next.get(key) or self._begin(key, slots, compose))

    async def close(self) -> None:
        """Let what is composed come to its end."""
        await self._going_on.wait()

    def _begin(
        self, key: Key, slots: asyncio.Semaphore, compose: Callable[[], Coroutine[Any, Any, T]]
    ) -> asyncio.Task[T]:
        self._next[key] = task = self._going_on.begin(
            self._compose_next(key, slots, compose), "compose the next screen"
        )
        return task

    async def _compose_next(
        self, key: Key, slots: asyncio.Semaphore, compose: Callable[[], Coroutine[Any, Any, T]]
    ) -> T:
        async with slots:
            # Who asks from now on may want what this one does not have.
            del self._next[key]
            return await compose()
