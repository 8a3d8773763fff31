"""Processes that are forked from one that has loaded all of Headrace: a start costs a tenth of the CPU time of a new interpreter.

A process made so is one like any other: it has a pid, can be stopped and killed, and shares nothing with whoever made it. What
differs is what comes before its first line of code, and `tests.embedded` and `tests.cli` start processes as people do.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from multiprocessing.forkserver import ensure_running
from multiprocessing.reduction import DupFd
from typing import Any

from headrace.cli import main

LOADED = [
    "headrace.api.server",
    "headrace.worker.main",
    "headrace.projector.project",
    "headrace.process",
    "tests.forked",
]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(LOADED)


def load() -> None:
    """Begin to load Headrace. Whoever starts a process before all is loaded waits for it."""
    ensure_running()


class ForkedProcess:
    """A process of ours, with what is used here of `asyncio.subprocess.Process`."""

    def __init__(self, process: ForkServerProcess, stderr: asyncio.StreamReader) -> None:
        assert process.pid is not None
        self.pid = process.pid
        self._process = process
        self._ended = asyncio.Event()
        self.stderr = stderr
        self.returncode: int | None = None
        asyncio.get_running_loop().add_reader(process.sentinel, self._on_end)

    @classmethod
    async def start(
        cls, *arguments: str, environ: Mapping[str, str], limit: int, with_stdout: bool = False
    ) -> ForkedProcess:
        """Start ``headrace`` with these arguments, nothing on its standard input, and its standard error in a stream.

        Args:
            arguments: What follows ``headrace`` on the command line.
            environ: Its whole environment.
            limit: Bytes that the stream holds.
            with_stdout: Whether its standard output is in the stream as well.
        """
        reading, writing = os.pipe()
        stream = asyncio.StreamReader(limit=limit)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb")
        )
        process = _Headrace(arguments, dict(environ), writing, with_stdout=with_stdout)
        try:
            # Not in a thread: a start also looks which processes have ended, and the code of an end can be read only once.
            process.start()
        finally:
            os.close(writing)
        return cls(process, stream)

    async def wait(self) -> int:
        """Wait for its end; returns its exit code, or the negative number of the signal that ended it."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, which: signal.Signals) -> None:
        """Send it a signal, if it has not ended."""
        if self.returncode is None:
            # It may have ended without our having heard of it.
            with suppress(ProcessLookupError):
                os.kill(self.pid, which)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        self.returncode = self._process.exitcode
        self._process.close()
        self._ended.set()


class _Headrace(_context.Process):
    def __init__(self, arguments: tuple[str, ...], environ: dict[str, str], stderr: int, *, with_stdout: bool) -> None:
        super().__init__()
        self._with_stdout = with_stdout
        self._arguments = arguments
        self._environ = environ
        self._stderr: Any = stderr

    def __getstate__(self) -> dict[str, Any]:
        # The descriptor has another number there.
        return self.__dict__ | {"_stderr": DupFd(self._stderr)}

    def run(self) -> None:
        descriptor = self._stderr.detach()
        os.dup2(descriptor, 2)
        if self._with_stdout:
            os.dup2(descriptor, 1)
            sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        os.close(descriptor)
        # The one that is there remembers that it is a file, or a terminal.
        sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
        os.environ.clear()
        os.environ.update(self._environ)
        sys.argv = ["headrace", *self._arguments]
        main()
