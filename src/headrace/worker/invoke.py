"""Calling a handler on the event loop, in a thread or in a process, always under its kind's timeout."""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import cast

import msgspec

from headrace.sdk.kind import AnyKind
from headrace.worker.child_process import Child
from headrace.worker.context import ExecutionContext, ThreadContext
from headrace.worker.execution import Execution
from headrace.worker.pipe_protocol import Call
from headrace.worker.process_pool import ProcessPool

CANCEL_GRACE_SECONDS = 5.0  # for a thread to see `context.cancelled` and return, before it is stopped


Pool = ThreadPoolExecutor | ProcessPool
"""Where the plain functions of a kind run."""


class Interrupted(Exception):
    """The handler was stopped, because it took longer than its kind's timeout."""


class Stop(BaseException):
    """Raised inside a handler that does not stop when asked. It is no Exception, so that no handler catches it by accident."""


async def invoke(execution: Execution, decoded: msgspec.Struct, context: ExecutionContext, pool: Pool | None) -> object:
    """Call the handler under its kind's timeout.

    Returns:
        What the handler returned; from a process, the outcome that this is.

    Raises:
        Interrupted: the handler took too long.
        ProcessLost: the process that ran the handler ended.
        Exception: what the handler raised.
    """
    kind = execution.kind
    # The clock starts after this: the time that a new process takes to start is not the handler's.
    child = await pool.reserve() if isinstance(pool, ProcessPool) else None
    execution.deadline = time.monotonic() + kind.options.timeout
    timeout = asyncio.timeout(kind.options.timeout)
    try:
        async with timeout:
            match pool:
                case None:
                    return await cast("Awaitable[object]", kind(decoded, context))
                case ThreadPoolExecutor():
                    return await _invoke_in_thread(execution, decoded, context, pool)
                case ProcessPool():
                    assert child is not None
                    return await _invoke_in_process(execution, context, pool, child)
    except Stop as error:
        raise Interrupted(
            f"The task blocked its worker for longer than its timeout of {kind.options.timeout:g} s."
        ) from error
    except TimeoutError as error:
        if timeout.expired():
            raise Interrupted(f"The task took longer than its timeout of {kind.options.timeout:g} s.") from error
        # The handler raised it itself.
        raise
    finally:
        execution.deadline = None


async def _invoke_in_thread(
    execution: Execution, decoded: msgspec.Struct, context: ExecutionContext, threads: ThreadPoolExecutor
) -> object:
    loop = asyncio.get_running_loop()
    call = _ThreadCall(execution.kind, decoded, ThreadContext(context, loop))
    running = loop.run_in_executor(threads, copy_context().run, call)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if execution.cancelled:
            loop.call_later(CANCEL_GRACE_SECONDS, call.stop)
        else:
            call.stop()
        # The slot stays reserved until the thread has really ended.
        execution.leftover = running
        running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        raise


async def _invoke_in_process(
    execution: Execution, context: ExecutionContext, processes: ProcessPool, child: Child
) -> object:
    call = Call(task_id=context.task_id, attempt=context.attempt, input=bytes(execution.queued.input))
    running = asyncio.create_task(processes.run(child, call, context), name="process")
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        execution.leftover = asyncio.create_task(processes.stop(child, running), name="stop process")
        raise


class _ThreadCall:
    """One call in a thread, which can be stopped between two of its bytecodes, but not inside a C call."""

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
        """Raise `Stop` in the thread, if the call is still running."""
        with self._lock:
            if self._thread is not None:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(Stop))
