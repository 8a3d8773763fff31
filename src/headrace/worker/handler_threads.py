"""The threads in which the plain functions of a kind run.

`concurrent.futures` has a fixed number of threads, and the interpreter waits for them at its exit. A handler may hang in a C
call that nothing can interrupt; here its thread is left to it, and the next call is given another one.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from typing import NamedTuple

from headrace.worker.outcomes import AttemptOutcome

Call = Callable[[], AttemptOutcome]


class CallEnded(NamedTuple):
    """How a call ended: with the outcome that it returned, or with what it raised."""

    returned: AttemptOutcome | None
    raised: BaseException | None


class NoThread(Exception):
    """The system starts no further thread for a handler, because there are too many. The message is a clause that says so."""


class _Work(NamedTuple):
    call: Call
    context: Context
    ended: asyncio.Future[CallEnded]
    loop: asyncio.AbstractEventLoop


class HandlerThreads:
    """Runs each call in a thread that is free, or in a new one. The caller bounds how many run at a time.

    Args:
        name: What the threads are named after.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        # How many threads wait for work, as far as the event loop knows.
        self._free = 0

    def run(self, call: Call) -> asyncio.Future[CallEnded]:
        """Run a call in a thread, in a copy of the caller's context; returns at once.

        Raises:
            NoThread: no thread is free, and none can be started.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[CallEnded] = loop.create_future()
        ended.add_done_callback(self._on_end)
        if self._free:
            self._free -= 1
        else:
            self._start_thread()
        self._work.put(_Work(call, copy_context(), ended, loop))
        return ended

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        except RuntimeError as error:
            raise NoThread(f"handlers have left so many threads behind that none can be started ({error})") from error

    def _on_end(self, _: asyncio.Future[CallEnded]) -> None:
        self._free += 1

    def _serve(self) -> None:
        while True:
            work = self._work.get()
            ended = _run(work)
            # The event loop is closed while the process ends, and nobody wants to know any more.
            with suppress(RuntimeError):
                work.loop.call_soon_threadsafe(_set, work.ended, ended)
            # A thread that waits must not keep the memory of its last call.
            del work, ended


def _run(work: _Work) -> CallEnded:
    try:
        return CallEnded(work.context.run(work.call), None)
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its outcome
        return CallEnded(None, error)


def _set(future: asyncio.Future[CallEnded], ended: CallEnded) -> None:
    if not future.done():
        future.set_result(ended)
