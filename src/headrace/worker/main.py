"""The worker process: it announces its kinds, runs their tasks, and drains when told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from headrace.contracts.processes import Slots
from headrace.errors import HeadraceError, LogUnavailable
from headrace.health import Readiness, all_needed
from headrace.log import clock
from headrace.log.announcements import ANNOUNCE_SECONDS
from headrace.log.backlog import Backlog
from headrace.log.connection import Log
from headrace.log.metrics import LogCollector
from headrace.log.opening import open_log, until_compared
from headrace.log.presence import Presence, process_name
from headrace.metrics.page import Collector
from headrace.objects import open_objects
from headrace.operations.answers import Operations
from headrace.operations.port import serve_operations
from headrace.repeated import RepeatedWarning
from headrace.sdk.kind import AnyKind
from headrace.sdk.load import load_kinds
from headrace.settings import Settings
from headrace.stop import enter_unless_stopped
from headrace.telemetry import get_logger
from headrace.worker.announce import announce, describe_checked, is_superseded
from headrace.worker.cancellations import Cancellations
from headrace.worker.collector import WorkerCollector
from headrace.worker.descriptors import until_short
from headrace.worker.event_writer import EventWriter
from headrace.worker.file_store import FileStore
from headrace.worker.handler_threads import HandlerThreads
from headrace.worker.heartbeats import Heartbeats
from headrace.worker.invoke import Pool
from headrace.worker.lanes import Lanes
from headrace.worker.left_overs import LeftOvers, WornOut
from headrace.worker.loop_threads import LoopThreads
from headrace.worker.low_priority_throttle import LowPriorityThrottle
from headrace.worker.metrics import WorkerMetrics
from headrace.worker.process_pool import ProcessPool
from headrace.worker.quarantine import Quarantine
from headrace.worker.rate import Rate
from headrace.worker.run import Runner
from headrace.worker.running_record import RunningRecord
from headrace.worker.scratch import Scratch

ANNOUNCE_RETRY_SECONDS = 2.0  # until kinds that could not be announced are announced again
FIRST_ANNOUNCE_SECONDS = 2.0  # a log that has just started may need longer until it is known to be the same log

log = get_logger(__name__)


async def work(settings: Settings, stop: asyncio.Event, only: Iterable[str] = ()) -> None:
    """Run a worker until ``stop`` is set, then drain it.

    Args:
        settings: Its settings.
        stop: Set when the worker is to drain and end.
        only: The names of the kinds to run; all kinds of the package when empty.

    Raises:
        KindError: the kinds cannot be loaded.
        LogUnavailable: NATS cannot be reached.
        ProvisionError: the log cannot be made what the settings say.
        OSError: the address of the operations port cannot be listened on.
        ObjectsUnavailable: the directory of files cannot be made.
        WornOut: too many handlers go on although their task has ended.
    """
    kinds = list(load_kinds(settings.consumers, only).values())
    name = process_name()
    operations = Operations(stop)
    # It answers from the beginning to the end, so that a worker that starts or drains does not count as dead.
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(
            serve_operations(settings.worker.ops, operations, variable="HEADRACE_WORKER_OPS")
        )
        opening = open_log(settings, f"worker-{name}", until_compared, operations.note_wait)
        if (opened := await enter_unless_stopped(stack, opening, stop)) is None:
            return
        worker = Worker(name, settings, kinds, opened)
        operations.metrics.add(*worker.collectors())
        await worker.start()
        operations.count_backlog = Backlog(opened, [kind.name for kind in kinds]).count
        operations.ready = worker.check_health
        await worker.run_until(stop)
        await worker.drain()
        worker.check_wear()
    log.info("stopped")


class Worker:
    """One worker process.

    Args:
        name: The worker's name, unique among all workers.
        settings: Its settings.
        kinds: The kinds whose tasks it runs.
        log: The log.
    """

    def __init__(self, name: str, settings: Settings, kinds: list[AnyKind], log: Log) -> None:
        self._name = name
        self._settings = settings
        self._kinds = kinds
        self._log = log
        self._descriptions = [describe_checked(kind) for kind in kinds]
        self._record = RunningRecord(Path(settings.worker.record) if settings.worker.record else None)
        self._metrics = WorkerMetrics(kind.name for kind in kinds)
        self._heartbeats = Heartbeats(settings, name, self._record, self._metrics.blocked)
        self._cancellations = Cancellations(log, self._heartbeats)
        self._events = EventWriter(log, name)
        self._quarantine = Quarantine()
        self._left_overs = LeftOvers()
        self._throttle = LowPriorityThrottle()
        self._acknowledger = log.acknowledger()
        objects = open_objects(settings.objects)
        self._store = None if objects is None else FileStore(objects, settings.objects.file_bytes_max)
        self._scratch = Scratch(Path(settings.worker.scratch) if settings.worker.scratch else None)
        self._process_pools: dict[str, ProcessPool] = {}
        self._lanes = [self._make_lanes(kind) for kind in kinds]
        self._announcing = RepeatedWarning(
            get_logger(__name__), "could not announce the kinds", "the kinds are announced"
        )
        self._is_announced = False
        self._presence = Presence(log, "worker", name, self._slots)

    @property
    def running(self) -> int:
        """How many slots are taken, over all kinds."""
        return sum(lanes.running for lanes in self._lanes)

    def collectors(self) -> tuple[Collector, ...]:
        """What shows the worker to Prometheus."""
        shown = WorkerCollector(self._metrics, self._lanes, self._process_pools, self._left_overs)
        return shown, LogCollector(self._log)

    async def start(self) -> None:
        """Announce the kinds and begin to listen for their tasks.

        Raises:
            LogUnavailable: NATS cannot be reached.
            ProvisionError: the server refuses a consumer.
        """
        asyncio.get_running_loop().set_default_executor(LoopThreads())
        await self._heartbeats.start()
        await self._cancellations.open()
        # The announcement comes before the consumers, see `is_superseded`. In a log that was just made, every worker comes
        # to it later.
        with suppress(TimeoutError, LogUnavailable):
            async with asyncio.timeout(FIRST_ANNOUNCE_SECONDS):
                await self._log.until_current()
                await announce(self._log, self._descriptions)
                self._is_announced = True
        for lanes in self._lanes:
            await lanes.open()

    async def run_until(self, stop: asyncio.Event) -> None:
        """Run tasks until ``stop`` is set, or until handlers have left too much behind. What runs then goes on."""
        async with asyncio.TaskGroup() as group:
            background = [group.create_task(lanes.work(), name="lanes") for lanes in self._lanes]
            background.append(group.create_task(self._announce(), name="announce"))
            background.append(group.create_task(self._cancellations.poll(), name="poll cancellations"))
            background.append(group.create_task(self._watch_descriptors(), name="watch descriptors"))
            background.append(group.create_task(self._presence.tell_regularly(), name="tell of this worker"))
            log.info("running", kinds=[kind.name for kind in self._kinds], worker=self._name)
            stopping = group.create_task(stop.wait(), name="stop")
            await asyncio.wait({stopping, self._left_overs.too_many}, return_when=asyncio.FIRST_COMPLETED)
            log.info("draining", running=self.running)
            for task in (*background, stopping):
                task.cancel()

    async def drain(self) -> None:
        """Let running tasks end within the grace of the settings, and give the others back."""
        await asyncio.gather(*(lanes.drain(self._settings.worker.grace) for lanes in self._lanes))
        await asyncio.gather(*(pool.close() for pool in self._process_pools.values()))
        await self._acknowledger.flush()
        self._heartbeats.stop()
        await asyncio.to_thread(self._scratch.remove)

    def check_wear(self) -> None:
        """Make sure that the worker was told to stop, and did not stop because of what handlers have left behind.

        Raises:
            WornOut: too many handlers go on although their task has ended, or have left files open.
        """
        if self._left_overs.too_many.done():
            raise WornOut(f"{self._left_overs.too_many.result()}; this worker is to be started anew")

    async def check_health(self) -> Readiness:
        """Say what the worker depends on, and how it is."""
        return all_needed(
            {
                "nats": self._log.disconnected or "ok",
                "log": await self._log.check() or "ok",
                "permissions": self._log.not_permitted or "ok",
                "kinds": self._announcing.problem or ("ok" if self._is_announced else "not announced yet"),
                "lanes": next((each.problem for each in self._lanes if each.problem), "ok"),
                "clock": clock.problem() or "ok",
                "left_over": self._left_overs.describe(),
            }
        )

    def _make_lanes(self, kind: AnyKind) -> Lanes:
        slots = self._settings.worker.slots if kind.is_async else self._settings.worker.threads
        slots = min(slots, kind.options.concurrency or slots)
        runner = Runner(
            kind=kind,
            pool=self._make_pool(kind, slots),
            rate=Rate(self._log, kind.name, kind.options.rate) if kind.options.rate is not None else None,
            log=self._log,
            events=self._events,
            heartbeats=self._heartbeats,
            quarantine=self._quarantine,
            acknowledger=self._acknowledger,
            record=self._record,
            left_overs=self._left_overs,
            metrics=self._metrics,
            slots=slots,
            store=self._store,
            scratch=self._scratch,
        )
        return Lanes(self._log, runner, slots, self._throttle)

    def _make_pool(self, kind: AnyKind, slots: int) -> Pool | None:
        """Make what runs the handlers of a kind; None for a kind whose handlers run on the event loop."""
        if kind.is_async:
            return None
        if not kind.options.process:
            return HandlerThreads(kind.name)
        pool = ProcessPool(self._settings.consumers, kind.name, slots)
        self._process_pools[kind.name] = pool
        return pool

    def _slots(self) -> dict[str, Any]:
        return {"kinds": {each.kind: Slots(slots=each.slots, busy=each.running) for each in self._lanes}}

    async def _watch_descriptors(self) -> None:
        self._left_overs.give_up(await until_short())

    async def _announce(self) -> None:
        """Announce the kinds again and again, but none that newer workers run by consumers of the other form."""
        while True:
            await self._log.until_current()
            try:
                current = [each for each in self._descriptions if not await is_superseded(self._log, each)]
                await announce(self._log, current)
            except HeadraceError as error:
                self._announcing.note(error.message)
                await asyncio.sleep(ANNOUNCE_RETRY_SECONDS)
            else:
                self._is_announced = True
                self._announcing.end()
                await asyncio.sleep(ANNOUNCE_SECONDS)
