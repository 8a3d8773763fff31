"""Heartbeats of running tasks, and a watch over the event loop, in a thread that no handler can block.

A heartbeat keeps the broker from redelivering a task that runs longer than ``ack_wait``. On the worker's event loop, a handler
that blocks the loop would stop the heartbeats of all tasks, and other workers would be given every one of them. So the thread
has an event loop and a connection of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from headrace.log.deliveries import Heartbeat
from headrace.log.opening import open_heartbeat
from headrace.metrics.series import CounterBy
from headrace.settings import Settings
from headrace.telemetry import get_logger
from headrace.worker.execution import Execution
from headrace.worker.loop_watch import BLOCKED_SECONDS, LoopWatch
from headrace.worker.running_record import RunningRecord

TICK_SECONDS = 0.25

log = get_logger(__name__)


class Heartbeats:
    """Sends heartbeats for executions, and has the event loop watched.

    Args:
        settings: Where NATS is, and how long the broker waits for an acknowledgement.
        worker: The worker's name.
        record: What the worker runs, for the one after it.
        blocked: Counts the seconds for which the handlers of each kind block the loop.
    """

    def __init__(self, settings: Settings, worker: str, record: RunningRecord, blocked: CounterBy) -> None:
        self._settings = settings
        self._name = f"{worker}-heartbeats"
        self._interval = settings.stream.ack_wait / 3
        self._executions: dict[int, Execution] = {}
        self._watched = asyncio.get_running_loop()
        self._watch = LoopWatch(lambda: self.executions, record, blocked)
        self._stopping = threading.Event()
        self._ready: asyncio.Future[None] = self._watched.create_future()
        self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)

    async def start(self) -> None:
        """Start the thread and wait until it is connected.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """
        self._watch.arm()
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
                    self._watch.forgive(now)
                ticked = now
                if now - beaten >= self._interval:
                    beaten = now
                    await self._send_heartbeats(heartbeat)
                self._watch.check(now)

    async def _send_heartbeats(self, heartbeat: Heartbeat) -> None:
        if heartbeat.is_connected:
            for execution in self.executions:
                await heartbeat.in_progress(execution.delivery)
