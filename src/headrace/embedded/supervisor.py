"""Keep programs running: one that ends by itself is started again, with a backoff; one that does not answer is ended first."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from headrace.embedded.errors import EmbeddedError
from headrace.embedded.liveness import until_unresponsive
from headrace.embedded.process import describe_exit

BACKOFF_FIRST_SECONDS = 0.2
BACKOFF_MAX_SECONDS = 10.0  # a program that cannot start costs little, and is back soon after the cause is gone
STEADY_SECONDS = 30.0  # a program that ran this long had started well; its next backoff is the first one


class Program(Protocol):
    """A program that can be kept running: a child, or an embedded server."""

    @property
    def pid(self) -> int | None:
        """The pid while it runs, None otherwise."""
        ...

    async def start(self) -> None:
        """Start it.

        Raises:
            ServerError: It did not start.
        """
        ...

    async def wait(self) -> int:
        """Wait until it ends, and return its exit code, which is negative for a signal."""
        ...

    async def stop(self) -> None:
        """End it, and return when it is gone."""
        ...

    async def why_not_alive(self) -> str | None:
        """Ask it whether it works; returns None when it does, or what came instead of that answer."""
        ...

    async def abort(self) -> None:
        """End it although it does not react, and have it say what it was doing, if it can. Returns when it is gone."""
        ...


class Supervisor:
    """Keeps programs running, each under its name.

    Args:
        say: Called with a line that says what happened.
        on_change: Called when a program has a new pid.
    """

    def __init__(self, say: Callable[[str], None], on_change: Callable[[], None]) -> None:
        self._say = say
        self._on_change = on_change
        self._programs: dict[str, Program] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._ends: Counter[str] = Counter()

    async def start(self, name: str, program: Program) -> None:
        """Start a program and keep it running and answering.

        Raises:
            ServerError: The first start failed.
        """
        self._programs[name] = program
        await program.start()
        self._on_change()
        self._keepers[name] = asyncio.create_task(self._keep(name, program))

    async def keep(self) -> None:
        """Keep all programs running, for ever."""
        await asyncio.gather(*self._keepers.values())

    async def stop(self, *names: str) -> None:
        """End these programs at the same time, and return when they are gone."""
        keepers = [self._keepers.pop(name) for name in names if name in self._keepers]
        for keeper in keepers:
            keeper.cancel()
        if keepers:
            await asyncio.wait(keepers)
        await asyncio.gather(*(self._programs[name].stop() for name in names if name in self._programs))

    async def end(self, name: str) -> None:
        """End a program, which is then started again."""
        await self._programs[name].stop()

    def kill(self) -> None:
        """Kill every program and all that it started."""
        for pid in self.pids().values():
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def pids(self) -> dict[str, int]:
        """Return the pids of the programs that run now, by name."""
        return {name: program.pid for name, program in self._programs.items() if program.pid is not None}

    def ends(self) -> Mapping[str, int]:
        """Return how often each program has ended by itself since it last ran for `STEADY_SECONDS`, by name."""
        return self._ends

    async def _keep(self, name: str, program: Program) -> None:
        delay = BACKOFF_FIRST_SECONDS
        while True:
            started = time.monotonic()
            code = await self._wait_or_abort(name, program)
            if time.monotonic() - started > STEADY_SECONDS:
                delay = BACKOFF_FIRST_SECONDS
                self._ends[name] = 0
            self._ends[name] += 1
            self._say(f"{name} ended ({describe_exit(code)}); starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            delay = min(2 * delay, BACKOFF_MAX_SECONDS)
            try:
                await program.start()
            except EmbeddedError as error:
                self._say(str(error))
            self._on_change()

    async def _wait_or_abort(self, name: str, program: Program) -> int:
        """Wait until a program ends, and have it end when it does not answer any more; returns the exit code."""
        ended = asyncio.create_task(program.wait())
        unresponsive = asyncio.create_task(until_unresponsive(program.why_not_alive))
        try:
            await asyncio.wait({ended, unresponsive}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                self._say(f"{name} {unresponsive.result()}; ending it")
                await program.abort()
            return await ended
        finally:
            ended.cancel()
            unresponsive.cancel()
