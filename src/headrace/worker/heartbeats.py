"""Heartbeats of running tasks, and a watch over the event loop, in a thread that no handler can block.

A heartbeat keeps the broker from redelivering a task that runs longer than ``ack_wait``. On the worker's event loop, a handler
that blocks the loop would stop the heartbeats of all tasks, and other workers would be given every one of them. So the thread
has an event loop and a connection of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

from headrace.log.deliveries import Heartbeat
from headrace.log.opening import open_heartbeat
from headrace.settings import Settings
from headrace.telemetry import get_logger
from headrace.worker.execution import Execution
from headrace.worker.invoke import Stop

TICK_SECONDS = 0.25
BLOCKED_SECONDS = 1.0  # an event loop that does not answer for this long is blocked by a handler
HOPELESS_SECONDS = 10.0  # after its timeout: a handler that cannot be interrupted takes the process with it
INTERRUPT = signal.SIGUSR2

log = get_logger(__name__)


class Heartbeats:
    """Sends heartbeats for executions, and interrupts a handler that blocks the event loop beyond its timeout.

    Args:
        settings: Where NATS is, and how long the broker waits for an acknowledgement.
        worker: The worker's name.
    """

    def __init__(self, settings: Settings, worker: str) -> None:
        self._settings = settings
        self._name = f"{worker}-heartbeats"
        self._interval = settings.stream.ack_wait / 3
        self._executions: dict[int, Execution] = {}
        self._watched = asyncio.get_running_loop()
        self._main_thread = threading.main_thread().ident or 0
        self._answered = time.monotonic()
        self._blocking: Execution | None = None
        self._stopping = threading.Event()
        self._ready: asyncio.Future[None] = self._watched.create_future()
        self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)

    async def start(self) -> None:
        """Start the thread and wait until it is connected.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """
        signal.signal(INTERRUPT, self._interrupt)
        self._thread.start()
        await self._ready

    def stop(self) -> None:
        """Stop the thread."""
        self._stopping.set()
        self._thread.join(timeout=5.0)

    @contextmanager
    def of(self, execution: Execution) -> Generator[None]:
        """Send heartbeats for an execution while the block runs."""
        self._executions[id(execution)] = execution
        try:
            yield
        finally:
            del self._executions[id(execution)]

    @property
    def executions(self) -> list[Execution]:
        """The executions that this worker has now."""
        return list(self._executions.values())

    def _run(self) -> None:
        try:
            asyncio.run(self._beat())
        except BaseException as error:
            if not self._ready.done():
                self._watched.call_soon_threadsafe(self._ready.set_exception, error)
                return
            log.critical("the heartbeats have ended; ending this process so that it is started anew", exc_info=True)
            os.kill(os.getpid(), signal.SIGTERM)

    async def _beat(self) -> None:
        async with open_heartbeat(self._settings, self._name) as heartbeat:
            self._watched.call_soon_threadsafe(self._ready.set_result, None)
            beaten = ticked = time.monotonic()
            while not self._stopping.is_set():
                await asyncio.sleep(TICK_SECONDS)
                now = time.monotonic()
                if now - ticked > BLOCKED_SECONDS:
                    # The system stopped the whole process for a while, so no handler blocks the event loop.
                    self._answered = now
                ticked = now
                if now - beaten >= self._interval:
                    beaten = now
                    await self._send_heartbeats(heartbeat)
                self._check_event_loop(now)

    async def _send_heartbeats(self, heartbeat: Heartbeat) -> None:
        if heartbeat.is_connected:
            for execution in self.executions:
                await heartbeat.in_progress(execution.delivery)

    def _check_event_loop(self, now: float) -> None:
        """Find the handler that blocks the event loop, report it, and end it when its timeout has passed."""
        blocked_for = now - self._answered
        self._watched.call_soon_threadsafe(self._answer)
        if blocked_for < BLOCKED_SECONDS:
            self._blocking = None
            return
        current = asyncio.current_task(self._watched)
        execution = next((each for each in self.executions if each.task is current), None)
        if execution is None:
            return
        if execution is not self._blocking:
            self._blocking = execution
            self._report_blocking(execution, blocked_for)
        deadline = execution.deadline
        if deadline is not None and now > deadline:
            self._end_blocking(execution, overdue=now - deadline)

    def _answer(self) -> None:
        self._answered = time.monotonic()

    def _report_blocking(self, execution: Execution, blocked_for: float) -> None:
        log.warning(
            "a handler blocks the event loop; make it a plain function, which runs in a thread",
            kind=execution.kind.name,
            task_id=execution.subject.task,
            seconds=round(blocked_for, 1),
            where=self._where(),
        )

    def _where(self) -> str:
        """The line that the main thread executes now."""
        frame = sys._current_frames().get(self._main_thread)  # pyright: ignore[reportPrivateUsage]
        return traceback.format_stack(frame, limit=None)[-1].strip() if frame else "unknown"

    def _end_blocking(self, execution: Execution, overdue: float) -> None:
        if overdue > HOPELESS_SECONDS:
            log.critical("the handler cannot be interrupted; ending this process", kind=execution.kind.name)
            os._exit(os.EX_SOFTWARE)
        signal.pthread_kill(self._main_thread, INTERRUPT)

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """Raise `Stop` in the main thread, if the handler that blocked it is still the one that runs there."""
        execution = self._blocking
        if execution is not None and execution.deadline is not None and asyncio.current_task() is execution.task:
            raise Stop
