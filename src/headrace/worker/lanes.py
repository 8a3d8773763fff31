"""When a worker pulls the tasks of a kind, and how many: the slots of the kind are shared out over its lanes.

A kind has a lane for each priority. A kind that limits its concurrency has a single lane, in which tasks come in order, and the
broker delivers no more than may run. A worker pulls records only for free slots, so that a waiting task waits in the log, where
any worker can get it. Every lane keeps a pull of a few records open, so that a task starts at once whatever its priority; the
other slots go by weight to the lanes that have more records waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any

import msgspec

from headrace.errors import LogUnavailable
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.log.deliveries import Delivery
from headrace.log.jetstream import ProvisionError
from headrace.log.lanes import Lane as LaneConsumer
from headrace.log.lanes import provision_lanes
from headrace.repeated import RepeatedWarning
from headrace.telemetry import get_logger
from headrace.worker.announce import is_superseded
from headrace.worker.execution import Execution, Phase
from headrace.worker.lane import Lane, deal_slots
from headrace.worker.low_priority_throttle import PORTION, REST_SECONDS, LowPriorityThrottle
from headrace.worker.run import Runner

IDLE_PULL_SHARE = 8  # an idle lane pulls for an eighth of the slots: a pull costs as much as a record
IDLE_PULL_SECONDS = 30.0
BULK_PULL_SECONDS = 1.0  # a larger pull must not keep slots reserved long for records that another worker got
STUBBORN_SECONDS = 5.0  # after its timeout, a handler that goes on although cancelled is finished without it
CHECK_SECONDS = 1.0
# The copies of a new consumer choose a leader before it answers. Workers that start together on three servers wait for seconds.
PROVISION_SECONDS_MAX = 20.0
PROVISION_AGAIN_SECONDS = 0.5

log = get_logger(__name__)


class Lanes:
    """Runs the tasks of one kind in a bounded number of slots.

    Args:
        log: The log that the tasks come from.
        runner: Runs a task of the kind.
        slots: How many tasks run at a time.
        throttle: Shared by all kinds of the worker.
    """

    def __init__(self, log: Log, runner: Runner, slots: int, throttle: LowPriorityThrottle) -> None:
        self._log = log
        self._runner = runner
        self._kind = runner.kind
        self._description = runner.kind.describe()
        self._slots = slots
        self._idle_pull = max(1, slots // IDLE_PULL_SHARE)
        self._throttle = throttle
        self._lanes: list[Lane] = []
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._draining = False
        self._superseded = False
        self._restoring = RepeatedWarning(
            get_logger(__name__), "a lane is gone and cannot be made again yet", "the lanes were made again"
        )

    @property
    def kind(self) -> str:
        """The name of the kind."""
        return self._kind.name

    @property
    def slots(self) -> int:
        """How many tasks run at a time."""
        return self._slots

    @property
    def running(self) -> int:
        """How many slots are taken."""
        return len(self._running)

    @property
    def problem(self) -> str | None:
        """Why the kind's tasks do not arrive here, as health checks say it; None when nothing is known."""
        return self._restoring.problem

    async def open(self) -> None:
        """Make the kind's consumers, if they do not exist, and listen for deliveries.

        Raises:
            ProvisionError: the server refuses a consumer.
            LogUnavailable: the log has not answered for `PROVISION_SECONDS_MAX`.
        """
        for consumer in await self._provision_patiently():
            lane = self._make_lane(consumer)
            await lane.puller.open()
            self._lanes.append(lane)
        if self._runner.rate is not None:
            self._runner.rate.on_permit = self._wake.set
            await self._runner.rate.open()
        self._log.on_reconnect(self._on_reconnect)

    async def work(self) -> None:
        """Pull and run tasks until cancelled."""
        self._wake.set()
        checked = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            if time.monotonic() - checked >= CHECK_SECONDS:
                await self._check()
                checked = time.monotonic()
            await self._pull_for_free_slots()

    async def drain(self, grace: float) -> None:
        """Let running tasks end within ``grace`` seconds and give back the others, and every task that is still delivered."""
        self._draining = True
        for lane in self._lanes:
            await lane.puller.close()
        if waiting := [each for each in self._runner.executions if each.awaits_permit and each.task is not None]:
            # These have not started, so another worker may start them.
            for execution in waiting:
                execution.give_back()
            await asyncio.wait(_tasks_of(waiting), timeout=STUBBORN_SECONDS)
        if working := self._without_outcome():
            log.info("waiting for running tasks", kind=self._kind.name, tasks=len(working), seconds=grace)
            await asyncio.wait(_tasks_of(working), timeout=grace)
        for execution in self._without_outcome():
            log.warning("given back unfinished", kind=self._kind.name, task_id=execution.subject.task)
            execution.give_back()
        if working := self._without_outcome():
            await asyncio.wait(_tasks_of(working), timeout=STUBBORN_SECONDS)

    async def _provision_patiently(self) -> list[LaneConsumer]:
        """Make the consumers, and again as long as one of them does not answer yet."""
        deadline = time.monotonic() + PROVISION_SECONDS_MAX
        while True:
            try:
                return await self._provision()
            except LogUnavailable as error:
                if time.monotonic() > deadline:
                    raise
                log.info("a consumer does not answer yet", kind=self.kind, error=str(error))
            await asyncio.sleep(PROVISION_AGAIN_SECONDS)

    async def _provision(self) -> list[LaneConsumer]:
        return await provision_lanes(self._log, self._kind.name, self._kind.options.concurrency)

    def _make_lane(self, consumer: LaneConsumer) -> Lane:
        def on_delivery(delivery: Delivery) -> None:
            lane.waiting = delivery.pending
            self._on_delivery(lane, delivery)

        def on_end(gone: bool) -> None:
            lane.gone = gone
            self._wake.set()

        lane = Lane(self._log.puller(consumer.durable, on_delivery, on_end), consumer)
        return lane

    async def _on_reconnect(self) -> None:
        """Pull again: pulls do not survive the connection."""
        for lane in self._lanes:
            lane.puller.reset()
        self._wake.set()

    def _on_delivery(self, lane: Lane, delivery: Delivery) -> None:
        """Run a delivered task in a slot; or give it back when the worker drains or the task is not due yet."""
        if delivery.delivered > 1 and self._runner.continue_under(delivery):
            # It has a slot already, so that of the pull is free again.
            self._wake.set()
            return
        if self._draining:
            self._occupy_slot(delivery.nak(), "nak")
            return
        try:
            execution = Execution(self._kind, delivery)
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("a queued event cannot be read; it is dropped", sequence=delivery.sequence, error=str(error))
            self._occupy_slot(delivery.ack(), "drop")
            return
        if not lane.low_priority:
            self._throttle.note_start()
        early = _seconds_early(execution)
        if early > 0:
            # The broker keeps the task until it is due. It takes no slot meanwhile, but a limit of concurrency counts it.
            self._occupy_slot(delivery.nak(early), "not due yet")
            return
        run = self._runner.run_task(execution, seen_before=self._seen_before(lane, delivery))
        self._occupy_slot(run, execution.subject.task)

    def _seen_before(self, lane: Lane, delivery: Delivery) -> bool:
        """Whether a worker may have had the task before, or the task may have been cancelled already."""
        # A server that came back from an older copy of the log may deliver records again that it had delivered before.
        older_copy = self._log.served_since is not None and delivery.at < self._log.served_since
        # A timer may have queued the task in the moment in which it was cancelled.
        from_timer = subjects.SCHEDULER in delivery.headers
        # A consumer that was made after the task was queued may deliver what an earlier consumer saw acknowledged.
        return delivery.delivered > 1 or delivery.at < lane.created or older_copy or from_timer

    def _occupy_slot(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._on_slot_free)

    def _on_slot_free(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a run broke; the task will be delivered again", task_id=task.get_name(), exc_info=error)

    async def _pull_for_free_slots(self) -> None:
        if self._draining or not self._log.is_current:
            return
        for lane, share in deal_slots(self._free_slots(), self._lanes, self._idle_pull).items():
            if lane.low_priority and lane.waiting and self._throttle.is_active:
                share = min(share, PORTION)
                lane.resting = True
                asyncio.get_running_loop().call_later(REST_SECONDS, self._on_rest_over, lane)
            bulk = share > self._idle_pull
            # This is an estimate until the next delivery says how many records wait behind it.
            lane.waiting = max(0, lane.waiting - share)
            await lane.puller.pull(share, BULK_PULL_SECONDS if bulk else IDLE_PULL_SECONDS)

    def _free_slots(self) -> int:
        pulled = sum(lane.puller.outstanding for lane in self._lanes)
        free = self._slots - len(self._running) - pulled
        if self._runner.rate is None:
            return free
        # A worker holds no more tasks than the rate lets start within a second; the others wait in the log.
        at_hand = max(self._runner.rate.limit, len(self._lanes))
        waiting = sum(execution.awaits_permit for execution in self._runner.executions)
        return min(free, at_hand - pulled - waiting)

    def _on_rest_over(self, lane: Lane) -> None:
        lane.resting = False
        self._wake.set()

    async def _check(self) -> None:
        """Find pulls that were lost, consumers that are gone and handlers that do not stop."""
        for lane in self._lanes:
            lane.puller.check()
        if any(lane.gone for lane in self._lanes):
            await self._restore_consumers()
        now = time.monotonic()
        for execution in self._runner.executions:
            if execution.is_stubborn(now, STUBBORN_SECONDS):
                execution.give_up()
                self._occupy_slot(self._give_up(execution), execution.subject.task)

    async def _give_up(self, execution: Execution) -> None:
        if await self._runner.give_up(execution) and execution.task is not None:
            self._running.discard(execution.task)

    async def _restore_consumers(self) -> None:
        """Make the consumers again that are gone, unless workers that started later removed them."""
        try:
            before, self._superseded = self._superseded, await is_superseded(self._log, self._description)
            if self._superseded:
                if not before:
                    log.warning("newer workers run the kind otherwise; it is left to them", kind=self._kind.name)
                return
            for lane, consumer in zip(self._lanes, await self._provision(), strict=True):
                lane.created = max(lane.created, consumer.created)
                if lane.gone:
                    lane.waiting, lane.gone = consumer.waiting, False
            self._restoring.end(kind=self._kind.name)
        except (LogUnavailable, ProvisionError) as error:
            gone = [lane.puller.durable for lane in self._lanes if lane.gone]
            self._restoring.note(str(error), consumers=gone)

    def _without_outcome(self) -> list[Execution]:
        return [each for each in self._runner.executions if each.phase is not Phase.ENDED and each.task is not None]


def _tasks_of(executions: Iterable[Execution]) -> set[asyncio.Task[None]]:
    return {each.task for each in executions if each.task is not None}


def _seconds_early(execution: Execution) -> float:
    """How long before it is due a task was delivered."""
    due_at = execution.queued.due_at
    return 0.0 if due_at is None else (due_at - clock.now()).total_seconds()
