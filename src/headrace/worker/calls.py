"""Calling a handler: on the event loop or in a thread, always under its kind's timeout."""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, cast

import msgspec

from headrace.task import AnyKind
from headrace.worker.context import RunContext, ThreadContext

if TYPE_CHECKING:
    from headrace.worker.run import Run


class Interrupted(Exception):
    """The handler was stopped: it took longer than its kind's timeout."""


class Stop(BaseException):
    """Raised inside a handler that does not stop when asked; not an Exception, so that nothing catches it by accident."""


async def call(run: Run, decoded: msgspec.Struct, context: RunContext, threads: ThreadPoolExecutor | None) -> object:
    """Call the handler under its kind's timeout.

    Raises:
        Interrupted: the handler took too long.
        Exception: whatever the handler raised.
    """
    kind = run.kind
    run.deadline = time.monotonic() + kind.timeout
    timeout = asyncio.timeout(kind.timeout)
    try:
        async with timeout:
            if threads is None:
                return await cast("Awaitable[object]", kind(decoded, context))
            return await _call_in_thread(run, decoded, context, threads)
    except Stop as error:
        raise Interrupted(f"The task blocked its worker for longer than its timeout of {kind.timeout:g} s.") from error
    except TimeoutError as error:
        if timeout.expired():
            raise Interrupted(f"The task took longer than its timeout of {kind.timeout:g} s.") from error
        raise  # the handler's own
    finally:
        run.deadline = None


async def _call_in_thread(
    run: Run, decoded: msgspec.Struct, context: RunContext, threads: ThreadPoolExecutor
) -> object:
    loop = asyncio.get_running_loop()
    job = _Job(run.kind, decoded, ThreadContext(context, loop))
    running = loop.run_in_executor(threads, copy_context().run, job)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        job.stop()
        run.leftover = running  # the slot stays taken until the thread has really ended
        running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        raise


class _Job:
    """One call in a thread, which can be stopped between two of its bytecodes (not inside a C call)."""

    def __init__(self, kind: AnyKind, decoded: msgspec.Struct, context: ThreadContext) -> None:
        self._kind = kind
        self._arguments = (decoded, context)
        self._lock = threading.Lock()
        self._thread: int | None = None

    def __call__(self) -> object:
        with self._lock:
            self._thread = threading.get_ident()
        try:
            return self._kind(*self._arguments)
        finally:
            with self._lock:
                self._thread = None

    def stop(self) -> None:
        with self._lock:
            if self._thread is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(Stop))
