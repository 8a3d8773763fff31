"""Reading server-sent events in tests, independent of the product's own client."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx


class Seen(NamedTuple):
    """One event, or with an empty name an id alone; with an empty id a hint."""

    id: str
    event: str
    data: dict[str, Any]

    @property
    def sequence(self) -> int:
        return int(self.id.partition("-")[2])


class Stream:
    """An open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self, *, hints: bool = False) -> Seen:
        """The next event or id, and if asked for, hint or last word; StopAsyncIteration at the end."""
        fields: dict[str, str] = {}
        async for line in self._lines:
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            elif "id" in fields or (hints and "event" in fields):
                return Seen(fields.get("id", ""), fields.get("event", ""), json.loads(fields.get("data", "{}")))
            else:
                fields = {}
        raise StopAsyncIteration

    async def take(self, count: int) -> list[Seen]:
        """The next events, ids alone and signs of life left out."""
        found: list[Seen] = []
        while len(found) < count:
            seen = await self.next()
            if seen.event not in ("", "beat"):
                found.append(seen)
        return found

    async def all(self) -> AsyncGenerator[Seen]:
        """Everything to the end of the stream: events, hints and last words."""
        while True:
            try:
                seen = await self.next(hints=True)
            except StopAsyncIteration:
                return
            yield seen

    async def rest(self) -> list[Seen]:
        """All events to the end of the stream."""
        found: list[Seen] = []
        while True:
            try:
                found += await self.take(1)
            except StopAsyncIteration:
                return found


@asynccontextmanager
async def follow(http: httpx.AsyncClient, path: str, after: str | None = None) -> AsyncGenerator[Stream]:
    """Open a stream and read its first id, so that whatever is submitted from here on is in it."""
    headers = {"Last-Event-ID": after} if after else {}
    async with http.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Stream(response)
