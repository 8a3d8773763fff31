"""Calling a handler on the event loop, in a thread or in a process, always under its kind's timeout."""

from __future__ import annotations

import asyncio
import ctypes
import threading
import time
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, cast

import msgspec

from headrace import forks
from headrace.contracts.events import Queued
from headrace.sdk.kind import AnyKind
from headrace.worker.child_process import Child
from headrace.worker.context import ExecutionContext
from headrace.worker.execution import Execution
from headrace.worker.handler_threads import HandlerThreads
from headrace.worker.loop_threads import open_calls
from headrace.worker.loop_watch import BLOCKED_SECONDS_MAX, handler_here
from headrace.worker.outcomes import AttemptOutcome, HandlerRaised, Stop, outcome_of, returned
from headrace.worker.pipe_protocol import Call
from headrace.worker.process_pool import ProcessPool
from headrace.worker.thread_context import ThreadContext

CANCEL_GRACE_SECONDS = 5.0  # for a thread to see `context.cancelled` and return, before it is stopped


Pool = HandlerThreads | ProcessPool
"""Where the plain functions of a kind run."""


class Interrupted(Exception):
    """The handler was stopped, because it took longer than its kind's timeout."""


async def invoke(
    execution: Execution, decoded: msgspec.Struct, context: ExecutionContext, pool: Pool | None
) -> AttemptOutcome:
    """Call the handler under its kind's timeout, and write down what it leaves behind under the same.

    Returns:
        The outcome, also of a handler that raises.

    Raises:
        Interrupted: the handler took too long.
        ProcessLost: the process that ran the handler ended.
        CancelledError: the worker is shutting down, or the task was cancelled.
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
                    return await _invoke_on_loop(execution, decoded, context, timeout)
                case HandlerThreads():
                    return await _invoke_in_thread(execution, decoded, context, pool)
                case ProcessPool():
                    assert child is not None
                    return await _invoke_in_process(execution, context, pool, child)
    except Stop as error:
        raise Interrupted(_why_stopped(execution)) from error
    except TimeoutError as error:
        # A handler's own is among what it leaves behind.
        raise Interrupted(f"The task took longer than its timeout of {kind.options.timeout:g} s.") from error
    finally:
        execution.note_handler_end()
        execution.deadline = None


def _why_stopped(execution: Execution) -> str:
    timeout = execution.kind.options.timeout
    if execution.deadline is None or time.monotonic() > execution.deadline:
        return f"The task blocked its worker for longer than its timeout of {timeout:g} s."
    return (
        f"The task blocked the event loop of its worker, and so all other tasks there, for longer than "
        f"{BLOCKED_SECONDS_MAX:g} s. Make its handler a plain function, which runs in a thread."
    )


async def _invoke_on_loop(
    execution: Execution, decoded: msgspec.Struct, context: ExecutionContext, timeout: asyncio.Timeout
) -> AttemptOutcome:
    kind = execution.kind
    handler_here.set(execution)
    try:
        left = returned(kind, await cast("Awaitable[object]", kind(decoded, context)))
    except Stop:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its outcome
        left = error
    finally:
        handler_here.set(None)
    forks.end_forked_child()
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        await _take_back_own_cancellations(task, execution, timeout)
        if isinstance(left, asyncio.CancelledError) and _cancellations(execution, timeout):
            # The worker is shutting down, the task was cancelled or timed out: the handler itself raised nothing.
            execution.leftover = open_calls(execution)
            raise left
    return outcome_of(kind, execution.queued, left)


async def _take_back_own_cancellations(task: asyncio.Task[Any], execution: Execution, timeout: asyncio.Timeout) -> None:
    """Leave only the worker's own cancellations of the asyncio task; the handler may have cancelled it too.

    A cancellation by the handler is no reason to give its task back: it would be run again, and cancel itself again.
    """
    if task.cancelling() > _cancellations(execution, timeout):
        # What the handler asked for and did not wait for comes at the next wait: here, and not while the outcome is appended.
        # When it has cancelled every task of the event loop, the process ends meanwhile, see `headrace.event_loop`.
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
    while task.cancelling() > _cancellations(execution, timeout):
        task.uncancel()


def _cancellations(execution: Execution, timeout: asyncio.Timeout) -> int:
    """How often the worker has cancelled the asyncio task of an execution."""
    return timeout.expired() + execution.cancelled + execution.given_back


async def _invoke_in_thread(
    execution: Execution, decoded: msgspec.Struct, context: ExecutionContext, threads: HandlerThreads
) -> AttemptOutcome:
    loop = asyncio.get_running_loop()
    call = _ThreadCall(execution.kind, execution.queued, decoded, ThreadContext(context, loop))
    running = threads.run(call)
    try:
        ended = await asyncio.shield(running)
    except asyncio.CancelledError:
        if execution.cancelled:
            loop.call_later(CANCEL_GRACE_SECONDS, call.stop)
        else:
            call.stop()
        execution.leftover = running
        raise
    if ended.raised is not None:
        raise ended.raised
    assert ended.returned is not None
    return ended.returned


async def _invoke_in_process(
    execution: Execution, context: ExecutionContext, processes: ProcessPool, child: Child
) -> AttemptOutcome:
    directory = str(context.files.directory)
    call = Call(context.task_id, context.attempt, bytes(execution.input), directory)
    running = asyncio.create_task(processes.run(child, call, context), name="process")
    try:
        return outcome_of(execution.kind, execution.queued, await asyncio.shield(running))
    except HandlerRaised as error:
        return outcome_of(execution.kind, execution.queued, error)
    except asyncio.CancelledError:
        execution.leftover = asyncio.create_task(processes.stop(child, running), name="stop process")
        raise


class _ThreadCall:
    """One call in a thread, which can be stopped between two of its bytecodes, but not inside a C call."""

    def __init__(self, kind: AnyKind, queued: Queued, decoded: msgspec.Struct, context: ThreadContext) -> None:
        self._kind = kind
        self._queued = queued
        self._arguments = (decoded, context)
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._stopped = False

    def __call__(self) -> AttemptOutcome:
        with self._lock:
            self._thread = threading.get_ident()
        try:
            return self._call()
        finally:
            forks.end_forked_child()
            self._end()

    def _call(self) -> AttemptOutcome:
        try:
            left = returned(self._kind, self._kind(*self._arguments))
        except Stop:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a handler raises is its outcome
            # It is written down here, in its thread: no future of asyncio takes a StopIteration or a GeneratorExit.
            left = error
        return outcome_of(self._kind, self._queued, left)

    def stop(self) -> None:
        """Raise `Stop` in the thread, if the call is still running."""
        with self._lock:
            if self._thread is not None:
                self._stopped = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._thread), ctypes.py_object(Stop))

    def _end(self) -> None:
        """Note that the call is over. A `Stop` that comes only now must not end what the thread does next."""
        while not self._has_ended():
            pass

    def _has_ended(self) -> bool:
        try:
            with self._lock:
                self._thread = None
                if self._stopped:
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(threading.get_ident()), None)
        except Stop:
            return False
        return True
