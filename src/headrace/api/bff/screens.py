"""The screens of this process: composed, kept for a second, remembered for an outage, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from litestar import Response

from headrace.api.auth.principal import caller, principal_of
from headrace.api.bff.answers import answer, encode_screen, encode_time
from headrace.api.bff.composition import Composed, compose
from headrace.api.bff.compositions import Compositions
from headrace.api.bff.last_good import Key, LastGood
from headrace.api.bff.owner_changes import OwnerChanges
from headrace.api.bff.parts import Source
from headrace.api.bff.screen_cache import ScreenCache
from headrace.api.edge.request import AnyRequest
from headrace.api.going_on import GoingOn
from headrace.contracts.positions import Position
from headrace.contracts.screens.envelope import Screen
from headrace.log import clock
from headrace.log.connection import Log

if TYPE_CHECKING:
    from headrace.api.bff.external import ExternalService
    from headrace.api.bff.status import Said

Build = Callable[[Composed], Screen]


class Screens:
    """The screens of this process.

    Args:
        log: The log, which tells when something of an owner changes.
        status: The service whose state administrators are shown; None when the settings name none.
    """

    def __init__(self, log: Log, status: ExternalService[Said] | None = None) -> None:
        self.status = status
        self._last_good = LastGood()
        self._cache = ScreenCache()
        # What is composed at this moment for whoever asks, so that a hundred who ask at once do not each wait for a connection.
        self._composing: dict[Key, asyncio.Task[_Made]] = {}
        self._going_on = GoingOn()
        self._compositions: Compositions[_Made] = Compositions()
        self._changes = OwnerChanges(log, self._on_change)

    async def show(self, request: AnyRequest, screen: type[Screen], build: Build, *sources: Source) -> Response[Any]:
        """Answer a request with a screen that is composed now, for it or for equal requests that came meanwhile, too.

        Args:
            request: The request.
            screen: What is sent.
            build: Makes it of the parts.
            sources: Where these come from.

        Raises:
            HeadraceError: The request cannot be answered; the status is below 500.
        """
        key = _key(request, screen)
        if "at_least" in request.query_params:
            made = await self._make(key, build, sources)
        else:
            made = await self._compositions.compose(key, lambda: self._make(key, build, sources))
        return answer(request.headers, made.at, made.body, made.etag)

    async def show_for_a_second(
        self, request: AnyRequest, screen: type[Screen], build: Build, *sources: Source, at_least: str | None
    ) -> Response[Any]:
        """Answer a request with a screen that may have been composed within the last second.

        This is for screens of the read model alone: who changes something is given a position, and asks for `at_least` that.

        Raises:
            HeadraceError: The request cannot be answered; the status is below 500.
        """
        key = _key(request, screen)
        kept = self._cache.find(key, _position(at_least))
        if kept is not None:
            return answer(request.headers, encode_time(clock.now()), kept.body, kept.etag)
        if at_least is not None:
            made = await self._make_and_keep(key, build, sources)
        else:
            # It goes on when whoever has asked first does not wait for it any more.
            made = await asyncio.shield(self._composing.get(key) or self._begin(key, build, sources))
        return answer(request.headers, encode_time(clock.now()), made.body, made.etag)

    async def close(self) -> None:
        """Let what is composed come to its end, and close the connections to other services."""
        await self._going_on.wait()
        await self._compositions.close()
        if self.status is not None:
            await self.status.close()

    def _begin(self, key: Key, build: Build, sources: tuple[Source, ...]) -> asyncio.Task[_Made]:
        composing = self._going_on.begin(self._make_and_keep(key, build, sources), "compose a screen")
        self._composing[key] = composing
        composing.add_done_callback(lambda done: self._end(key, done))
        return composing

    def _end(self, key: Key, composing: asyncio.Task[_Made]) -> None:
        if self._composing.get(key) is composing:
            del self._composing[key]

    def _on_change(self, owner: str) -> None:
        self._cache.drop(owner)
        for key in [key for key in self._composing if key.owner == owner]:
            # Who asks from now on may want what has changed.
            del self._composing[key]

    async def _make_and_keep(self, key: Key, build: Build, sources: tuple[Source, ...]) -> _Made:
        is_told = await self._changes.listen(key.owner)
        began = monotonic()
        made = await self._make(key, build, sources)
        position = made.composed.position
        if is_told and position is not None and not made.composed.stale and self._changes.is_quiet(key.owner, began):
            self._cache.keep(key, made.body, made.etag, position)
        return made

    async def _make(self, key: Key, build: Build, sources: tuple[Source, ...]) -> _Made:
        composed = await compose(self._last_good, key, *sources)
        encoded = encode_screen(build(composed))
        self._last_good.keep(key, dict(composed.read), len(encoded.body))
        return _Made(encoded.at, encoded.body, encoded.etag, composed)


class _Made(NamedTuple):
    """A screen as it is sent, and what it is made of."""

    at: bytes
    body: bytes
    etag: str
    composed: Composed


def _key(request: AnyRequest, screen: type[Screen]) -> Key:
    """Return what a screen is known by. Of the same screen, `at_least` asks for no other one."""
    query = sorted((name, value) for name, value in request.query_params.multi_items() if name != "at_least")
    asked = repr((request.scope["path"], query)).encode()
    return Key(caller(request), principal_of(request).credential, screen.__name__, asked)


def _position(at_least: str | None) -> Position | None:
    """Return the position that a request asks for. One that cannot be read is refused where the read model is asked."""
    try:
        return None if at_least is None else Position.parse(at_least)
    except ValueError:
        return Position(2**63, 0)
