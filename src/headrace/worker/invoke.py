"""Calling a handler: on the event loop, in a thread or in a process, always under its kind's timeout."""

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
from headrace.worker.context import ExecutionContext, ThreadContext
from headrace.worker.pipe_protocol import Call
from headrace.worker.process_pool import Child, ProcessPool

if TYPE_CHECKING:
    from headrace.worker.execution import Execution


CANCEL_GRACE_SECONDS = 5.0  # for a thread to see `context.cancelled` and return, before it is stopped


class Interrupted(Exception):
    """The handler was stopped: it took longer than its kind's timeout."""


class Stop(BaseException):
    """Raised inside a handler that does not stop when asked; not an Exception, so that nothing catches it by accident."""


async def invoke(
    execution: Execution,
    decoded: msgspec.Struct,
    context: ExecutionContext,
    pool: ThreadPoolExecutor | ProcessPool | None,
) -> object:
    """Call the handler under its kind's timeout.

    Returns:
        What the handler returned; from a process, the outcome that this is.

    Raises:
        Interrupted: the handler took too long.
        ProcessLost: the process that ran it ended.
        Exception: whatever the handler raised.
    """
    kind = execution.kind
    # before the clock starts: a process that has yet to start takes none of the handler's time
    child = await pool.take() if isinstance(pool, ProcessPool) else None
    execution.deadline = time.monotonic() + kind.timeout
    timeout = asyncio.timeout(kind.timeout)
    try:
        async with timeout:
            match pool:
                case None:
                    return await cast("Awaitable[object]", kind(decoded, context))
                case ThreadPoolExecutor():
                    return await _call_in_thread(execution, decoded, context, pool)
                case ProcessPool():
                    assert child is not None
                    return await _call_in_process(execution, context, pool, child)
    except Stop as error:
        raise Interrupted(f"The task blocked its worker for longer than its timeout of {kind.timeout:g} s.") from error
    except TimeoutError as error:
        if timeout.expired():
            raise Interrupted(f"The task took longer than its timeout of {kind.timeout:g} s.") from error
        raise  # the handler's own
    finally:
        execution.deadline = None


async def _call_in_thread(
    execution: Execution, decoded: msgspec.Struct, context: ExecutionContext, threads: ThreadPoolExecutor
) -> object:
    loop = asyncio.get_running_loop()
    job = _Job(execution.kind, decoded, ThreadContext(context, loop))
    running = loop.run_in_executor(threads, copy_context().run, job)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if execution.cancelled:
            asyncio.get_running_loop().call_later(CANCEL_GRACE_SECONDS, job.stop)
        else:
            job.stop()
        execution.leftover = running  # the slot stays taken until the thread has really ended
        running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        raise


async def _call_in_process(
    execution: Execution, context: ExecutionContext, processes: ProcessPool, child: Child
) -> object:
    asked = Call(task_id=context.task_id, attempt=context.attempt, input=bytes(execution.queued.input))
    calling = asyncio.create_task(processes.call(child, asked, context), name="process")
    try:
        return await asyncio.shield(calling)
    except asyncio.CancelledError:
        execution.leftover = asyncio.create_task(processes.stop(child, calling), name="stop process")
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
