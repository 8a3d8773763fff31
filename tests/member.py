"""One process of a cluster, and what it has logged."""

from __future__ import annotations

import asyncio
import collections
import json
import signal
from typing import Any

from tests.forked import ForkedProcess
from tests.waiting import WAIT_SECONDS, until


class Member:
    """One process of the cluster; `address` is where it answers health checks, if it has a port for them."""

    def __init__(self, name: str, process: asyncio.subprocess.Process | ForkedProcess, address: str = "") -> None:
        self.address = address
        self.name = name
        self.process = process
        self.lines: collections.deque[str] = collections.deque(maxlen=5000)
        self._reading = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, which: signal.Signals) -> None:
        self.process.send_signal(which)

    async def kill(self) -> None:
        """Kill it as a crash would, and wait until it is gone."""
        if self.process.returncode is None:
            self.process.kill()
        await self.exited()

    async def stop(self) -> int:
        """Stop it as a deploy would; its exit code."""
        if self.process.returncode is None:
            self.process.terminate()
        return await self.exited()

    async def exited(self) -> int:
        """Wait until it is gone and all that it said is read; its exit code.

        Raises:
            TimeoutError: It did not end in time, or somebody holds what it wrote to open; the message says which.
        """
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self.process.wait()
                await self._reading
        except TimeoutError:
            code = self.process.returncode
            state = "it runs" if code is None else f"it ended with {code}, and its output is still open"
            raise TimeoutError(
                f"waited {WAIT_SECONDS:g} s for the end of {self.name} {self.pid}: {state}; it said {self.last_lines()}"
            ) from None
        return self.process.returncode or 0

    def logged(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Return the log lines that have this event and these fields."""
        found = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [
            line
            for line in found
            if line.get("event") == event and all(line.get(name) == value for name, value in fields.items())
        ]

    async def until_logged(self, event: str, **fields: Any) -> dict[str, Any]:
        """Wait until the process has logged this event, and return the first such line."""
        found = await until(
            lambda: self.logged(event, **fields), f"{self.name} to log {event!r}; it said {self.last_lines()}"
        )
        return found[0]

    def last_lines(self) -> str:
        return "\n".join(list(self.lines)[-15:])

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(line.decode(errors="replace").rstrip())
