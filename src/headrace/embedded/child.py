"""One Headrace process as a child."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from headrace.embedded.errors import ServerError
from headrace.embedded.process import OnLine, Process, describe_exit


class Program(Protocol):
    """What can be kept running: a child, the embedded servers."""

    @property
    def pid(self) -> int | None:
        """The pid while it runs."""
        ...

    async def start(self) -> None:
        """Start it. Raises ServerError."""
        ...

    async def wait(self) -> int:
        """Wait until it ends: its exit code, negative for a signal."""
        ...

    async def stop(self) -> None:
        """End it; returns when it is gone."""
        ...


class Child:
    """A program that was given by its arguments.

    Args:
        argv: Absolute path and arguments.
        environ: Its whole environment.
        grace: Seconds to end in after SIGTERM.
        on_line: Called with each line that it writes.
    """

    def __init__(self, argv: Sequence[str], *, environ: Mapping[str, str], grace: float, on_line: OnLine) -> None:
        self._argv = argv
        self._environ = environ
        self._grace = grace
        self._on_line = on_line
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The pid while it runs."""
        return self._process.pid if self._process is not None and self._process.running else None

    async def start(self) -> None:
        """Start it."""
        self._process = await Process.start(self._argv, environ=self._environ, on_line=self._on_line)

    async def wait(self) -> int:
        """Wait until it ends: its exit code, negative for a signal."""
        assert self._process is not None, "not started"
        return await self._process.wait()

    async def stop(self) -> None:
        """End it; returns when it is gone."""
        if self._process is not None:
            await self._process.stop(self._grace)

    async def run(self, timeout: float) -> None:
        """Run it to its end, which has to be a good one.

        Raises:
            ServerError: it failed, or took longer than ``timeout`` seconds.
        """
        await self.start()
        assert self._process is not None
        if (code := await self._process.finish(timeout)) != 0:
            raise ServerError(f"failed ({describe_exit(code)}): {self._process.last_line()}")
