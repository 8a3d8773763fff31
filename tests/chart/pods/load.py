"""Clients that submit tasks and follow their events while a release changes."""

from __future__ import annotations

import asyncio
import collections
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import httpx

from tests.sse import Stream
from tests.waiting import until

CLIENTS = 4


class Load:
    """Submissions, one after the other by each of some clients.

    Attributes:
        answers: How often each status was answered; 0 is a connection without an answer.
        refused: What was said with the other ones than 202 and 503.
        accepted: The tasks that were answered with 202.
    """

    def __init__(self, http: httpx.AsyncClient, kind: str = "echo") -> None:
        self.answers: collections.Counter[int] = collections.Counter()
        self.refused: list[str] = []
        self.accepted: list[str] = []
        self._http = http
        self._submission = {"kind": kind, "input": {"text": "a"}}
        self._is_ending = False

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Submit while the block runs; afterwards every request has been answered."""
        clients = [asyncio.create_task(self._submit(), name="client") for _ in range(CLIENTS)]
        try:
            await self.more(CLIENTS)
            yield
        finally:
            self._is_ending = True
            await asyncio.gather(*clients)

    async def more(self, count: int) -> None:
        """Wait until so many more tasks were accepted."""
        wanted = len(self.accepted) + count
        await until(lambda: len(self.accepted) >= wanted, f"{count} more tasks to be accepted; {self.answers}")

    async def _submit(self) -> None:
        while not self._is_ending:
            try:
                answer = await self._http.post("/api/v1/tasks", json=self._submission)
            except httpx.TransportError as error:
                self.answers[0] += 1
                self.refused.append(repr(error))
                continue
            self.answers[answer.status_code] += 1
            if answer.status_code == 202:
                self.accepted.append(answer.json()["id"])
            elif answer.status_code != 503:
                self.refused.append(answer.text)
            # Not as fast as it goes: a rollout takes seconds, and what matters is that requests never stop.
            await asyncio.sleep(0.02)


class Follower:
    """A browser's view of the events of an account: it comes back after each end with the last id that it has.

    Attributes:
        ids: Every id that it has seen, in their order.
        ends: How often a stream has ended.
    """

    def __init__(self, http: httpx.AsyncClient, path: str = "/api/v1/events") -> None:
        self.ids: list[str] = []
        self.ends = 0
        self._http = http
        self._path = path
        self._last = ""
        self._is_open = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Follow while the block runs; the block begins when the stream is open."""
        following = asyncio.create_task(self._follow(), name="follower")
        try:
            async with asyncio.timeout(30):
                await self._is_open.wait()
            yield
        finally:
            following.cancel()
            await asyncio.wait([following])
            if not following.cancelled() and (error := following.exception()):
                raise error

    @property
    def sequences(self) -> list[int]:
        """The numbers of the events in the log."""
        return [int(each.partition("-")[2]) for each in self.ids]

    async def _follow(self) -> None:
        while True:
            with suppress(httpx.TransportError):
                await self._read()
            self.ends += 1
            # What an EventSource does between two connections, and less than it waits.
            await asyncio.sleep(0.1)

    async def _read(self) -> None:
        headers = {"Last-Event-ID": self._last} if self._last else {}
        async with self._http.stream("GET", self._path, headers=headers) as answer:
            if answer.status_code != 200:
                assert answer.status_code == 503, await answer.aread()
                return
            async for seen in Stream(answer).all():
                if seen.id:
                    self._last = seen.id
                    self._is_open.set()
                if seen.id and seen.event not in ("", "beat"):
                    self.ids.append(seen.id)
