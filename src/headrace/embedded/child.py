"""One child of `headrace up`: a Headrace process that can be started again after it ended."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence

from headrace.embedded.errors import ServerError
from headrace.embedded.network import why_not_healthy
from headrace.embedded.process import OnLine, Process, describe_exit

ABORT_SECONDS = 3.0  # after SIGABRT, in which Python writes the stack of every thread; then it is killed


class Child:
    """A Headrace process started from ``argv``.

    Args:
        argv: Absolute path and arguments.
        environ: Its whole environment.
        grace: Seconds after SIGTERM until it is killed.
        on_line: Called with each line that it writes.
        health: Host and port of its health checks, for a process that is asked whether it works.
        before_abort: Called before it is ended because it does not answer.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environ: Mapping[str, str],
        grace: float,
        on_line: OnLine,
        health: tuple[str, int] | None = None,
        before_abort: Callable[[], None] | None = None,
    ) -> None:
        self._argv = argv
        self._environ = environ
        self._grace = grace
        self._on_line = on_line
        self._health = health
        self._before_abort = before_abort
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """Its pid while it runs, None otherwise."""
        return self._process.pid if self._process is not None and self._process.running else None

    async def start(self) -> None:
        """Start it."""
        self._process = await Process.start(self._argv, environ=self._environ, on_line=self._on_line)

    async def wait(self) -> int:
        """Wait until it ends, and return its exit code, which is negative for a signal."""
        assert self._process is not None, "not started"
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, kill it after ``grace``, and return when it is gone."""
        if self._process is not None:
            await self._process.stop(self._grace)

    async def why_not_alive(self) -> str | None:
        """Ask its health checks whether it works; returns None when it does, or what came instead of that answer."""
        assert self._health is not None, "has no health checks"
        return await why_not_healthy(*self._health, "/health/live")

    async def abort(self) -> None:
        """End it although it does not react; it writes the stack of every thread first."""
        assert self._process is not None, "not started"
        if self._before_abort is not None:
            self._before_abort()
        await self._process.stop(ABORT_SECONDS, signal.SIGABRT)

    async def run(self, timeout: float) -> None:
        """Run it until it exits with 0.

        Raises:
            ServerError: It failed, or took longer than ``timeout`` seconds.
        """
        await self.start()
        assert self._process is not None
        if (code := await self._process.finish(timeout)) != 0:
            raise ServerError(f"failed ({describe_exit(code)}): {self._process.last_line()}")
