"""Browsers: clients that follow streams through all of it, resume where they were cut, and write down what they were given."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence

import httpx

from tests.accounts import SIGNED
from tests.faults.features import API
from tests.faults.journal import Connected, Cut, Journal, Late, Seen
from tests.sse import Stream
from tests.waiting import describe

AGAIN_SECONDS = (0.05, 0.4)
SILENCE_SECONDS = 20.0  # more than the API's heartbeat
OWNER = "owner"  # what the names of those begin with who follow everything of the owner
ANSWERED = "answered "  # how it begins why a stream did not open: with the status of the answer
CUT_AFTER_EVENTS = (1, 1500)  # a client closes its own connection too: a laptop that sleeps, a page that is reloaded


class Follower:
    """One client.

    Args:
        name: Its name in the journal.
        of: What it follows: `all`, or the id of a task or batch.
        path: The stream.
        urls: Where the APIs are.
        journal: Where all that it is given is noted.
        rng: When it closes its own connection, and how long it waits before it comes back.
        after: Where it begins.
    """

    def __init__(
        self,
        name: str,
        of: str,
        path: str,
        urls: list[str],
        journal: Journal,
        rng: random.Random,
        after: str | None = None,
    ) -> None:
        self.name = name
        self.of = of
        self.cursor = after
        self.over = False
        self.seen = 0
        self._path = path
        self._urls = urls
        self._journal = journal
        self._rng = rng
        self._ends = of != "all"
        self._working = asyncio.create_task(self._follow(), name=f"follow {name}")

    async def until(self, done: Callable[[], bool], patience: float) -> bool:
        """Wait until something about it holds; False when it does not in time."""
        deadline = time.monotonic() + patience
        while not done():
            if self._working.done() or time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    async def close(self) -> None:
        """Stop following, and note what went wrong with it."""
        self._working.cancel()
        await asyncio.wait({self._working})
        if not self._working.cancelled() and (error := self._working.exception()) is not None:
            self._journal.note(Late(waited_for=f"the follower of {self.name} broke: {describe(error)}"))

    async def _follow(self) -> None:
        timeout = httpx.Timeout(10, read=SILENCE_SECONDS)
        async with httpx.AsyncClient(timeout=timeout, trust_env=False, headers=SIGNED) as http:
            while not self.over:
                began = time.monotonic()
                try:
                    why = await self._once(http, began)
                except httpx.TransportError as error:
                    why = repr(error)
                refused_in = round(time.monotonic() - began, 3) if why.startswith(ANSWERED) else 0.0
                self._journal.note(Cut(client=self.name, why=why, seconds=refused_in))
                if not self.over:
                    await asyncio.sleep(self._rng.uniform(*AGAIN_SECONDS))

    async def _once(self, http: httpx.AsyncClient, began: float) -> str:
        """Follow until the stream ends; says why it did."""
        headers = {"Last-Event-ID": self.cursor} if self.cursor else {}
        url = self._rng.choice(self._urls) + self._path
        async with http.stream("GET", url, headers=headers) as response:
            if response.status_code in (204, 404):
                # There is no such task any more when it was deleted; see `deletions`.
                self.over = True
            if response.status_code != 200:
                return f"{ANSWERED}{response.status_code}"
            seconds = round(time.monotonic() - began, 3)
            self._journal.note(Connected(client=self.name, of=self.of, seconds=seconds, after=self.cursor))
            stream = Stream(response)
            left = self._rng.randint(*CUT_AFTER_EVENTS)
            while left > 0 or self._ends:
                try:
                    seen = await stream.next()
                except StopAsyncIteration:
                    return "the server ended it"
                self.cursor = seen.id
                left -= 1
                self.seen += bool(seen.event)
                kept = seen.data if seen.event in ("reset", "counted", "settled") else {}
                task = str(seen.data.get("task", ""))
                self._journal.note(Seen(client=self.name, id=seen.id, event=seen.event, task=task, data=kept))
            return "the client closed it"


def follow_all(name: str, urls: list[str], journal: Journal, rng: random.Random, after: str) -> Follower:
    """Everything of the owner, from a position; the name begins with `OWNER`."""
    return Follower(name, "all", f"{API}/events", urls, journal, rng, after)


def follow_task(task: str, urls: list[str], journal: Journal, rng: random.Random) -> Follower:
    """One task, from its first event to its end."""
    return Follower(f"task {task}", task, f"{API}/tasks/{task}/events", urls, journal, rng)


def follow_batch(batch: str, urls: list[str], journal: Journal, rng: random.Random) -> Follower:
    """One batch, until it is settled."""
    return Follower(f"batch {batch}", batch, f"{API}/batches/{batch}/events", urls, journal, rng)


def newest_not_followed(ids: Sequence[str], followers: Iterable[Follower]) -> str | None:
    """Return the last of the tasks or batches that nobody follows yet; None when all are followed.

    The journal knows a follower by what it follows. Two of the same would look like one that is given everything twice.
    """
    followed = {each.of for each in followers}
    return next((each for each in reversed(ids) if each not in followed), None)
