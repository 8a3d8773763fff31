"""Both clients behind one face, so that one table of behaviours holds for both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from types import GeneratorType
from typing import Any, cast

from headrace.client import Client, SyncBatchHandle, SyncClient, SyncTaskHandle
from headrace.client.sync_client import SyncFiles

_BLOCKING = (SyncClient, SyncFiles, SyncTaskHandle, SyncBatchHandle)
# What `Client` answers without waiting.
_AT_ONCE = {"handle", "batch_handle", "follow", "follow_batch", "results", "batch_results", "list", "pages"}


class InThread:
    """What blocks, as if it did not: every call is made in a thread, which has no event loop."""

    def __init__(self, blocks: Any) -> None:
        self._blocks = blocks

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._blocks, name)
        if not callable(found):
            return _wrapped(found)
        return self._at_once(found) if name in _AT_ONCE else self._waiting(found)

    def _at_once(self, method: Any) -> Any:
        def call(*args: Any, **options: Any) -> Any:
            return _wrapped(method(*args, **options))

        return call

    def _waiting(self, method: Any) -> Any:
        async def call(*args: Any, **options: Any) -> Any:
            return _wrapped(await asyncio.to_thread(method, *args, **options))

        return call


def _wrapped(found: Any) -> Any:
    if isinstance(found, GeneratorType):
        return _each(cast("Generator[Any]", found))
    return InThread(cast("Any", found)) if isinstance(found, _BLOCKING) else found


async def _each(events: Generator[Any]) -> AsyncGenerator[Any]:
    """Ask for each event in a thread, and close the generator there."""
    end = object()
    try:
        while (event := await asyncio.to_thread(next, events, end)) is not end:
            yield event
    finally:
        await asyncio.to_thread(events.close)


@asynccontextmanager
async def opened(which: str, url: str, key: str) -> AsyncGenerator[Client]:
    """Open the client that waits in the event loop, or the one that blocks."""
    if which == "async":
        async with Client(url, key=key) as client:
            yield client
    else:
        with SyncClient(url, key=key) as client:
            yield cast("Client", InThread(client))
