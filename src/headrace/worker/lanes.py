"""What a worker pulls, and when: a kind's slots, shared out over its lanes.

A lane is one priority's consumer; a kind with a limit to its concurrency has a single lane, in which tasks come in order and
the broker lets no more be out than may run. Records are pulled only for slots that are free, so what waits, waits in the log
where any worker can take it. Every lane keeps a few records on order, so that tasks start at once in whichever lane they come;
the rest of the slots go to the lanes that have more waiting, by weight. Shares are kept by stride scheduling (Waldspurger and
Weihl, 1995): a lane's ``passed`` grows by what it pulled over its weight, and the lane with the least goes first.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import msgspec

from headrace.contracts.tasks import Priority
from headrace.errors import LogUnavailable
from headrace.log import lanes, subjects
from headrace.log.connection import Log
from headrace.log.deliveries import Delivery
from headrace.log.jetstream import ProvisionError
from headrace.log.pull import Puller
from headrace.task import AnyKind
from headrace.telemetry import get_logger
from headrace.worker.announce import is_superseded
from headrace.worker.execution import Execution
from headrace.worker.low_priority_throttle import PORTION, REST_SECONDS, LowPriorityThrottle
from headrace.worker.run import Runner

WEIGHTS = {Priority.HIGH: 12, Priority.NORMAL: 6, Priority.LOW: 2}  # low keeps a tenth of the starts under any load
ORDER_SHARE = 8  # an idle lane has an eighth of the slots on order: a request costs as much as a record
ORDER_EXPIRES_SECONDS = 30.0
BULK_EXPIRES_SECONDS = 1.0  # more than that: what another worker took must not keep slots reserved for long
STUBBORN_SECONDS = 5.0  # after its timeout: a handler that goes on although cancelled is finished without it
CHECK_SECONDS = 1.0

log = get_logger(__name__)


def _seconds_early(execution: Execution) -> float:
    """How long before it is due a task was delivered."""
    return 0.0 if execution.queued.due_at is None else execution.queued.due_at.timestamp() - time.time()


class Lane:
    """One consumer of a kind."""

    def __init__(self, puller: Puller, consumer: lanes.Lane) -> None:
        self.puller = puller
        self.weight = 1 if consumer.priority is None else WEIGHTS[consumer.priority]
        self.created = consumer.created
        self.passed = 0.0
        self.waiting = consumer.waiting  # records behind the last one delivered
        self.background = consumer.priority is Priority.LOW
        self.rests = False
        self.gone = False


class Lanes:
    """Runs the tasks of one kind in a bounded number of slots.

    Args:
        log: Where tasks come from.
        runner: Runs one.
        slots: How many run at a time.
        throttle: Shared by all kinds of the worker.
    """

    def __init__(self, log: Log, runner: Runner, slots: int, throttle: LowPriorityThrottle) -> None:
        self._throttle = throttle
        self._log = log
        self._runner = runner
        self._kind: AnyKind = runner.kind
        self._description = runner.kind.describe()
        self._slots = slots
        self._order = max(1, slots // ORDER_SHARE)
        self._lanes: list[Lane] = []
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._draining = False
        self._superseded = False

    async def open(self) -> None:
        """Make sure that the consumers exist, and listen.

        Raises:
            ProvisionError: the server refuses a consumer.
            LogUnavailable: the log does not answer.
        """
        for consumer in await self._provision():
            lane = self._make_lane(consumer)
            await lane.puller.open()
            self._lanes.append(lane)
        if self._runner.rate is not None:
            self._runner.rate.on_permit = self._wake.set
            await self._runner.rate.open()
        self._log.on_reconnect(self._pull_anew)

    async def work(self) -> None:
        """Pull and run until cancelled."""
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
            await self._fill()

    async def drain(self, grace: float) -> None:
        """Let what runs end within ``grace`` seconds, give the rest back; what still arrives is given back at once."""
        self._draining = True
        for lane in self._lanes:
            await lane.puller.close()
        if waiting := {
            execution.task for execution in self._runner.executions if execution.waiting and execution.task is not None
        }:
            for task in waiting:  # it has not begun; whoever goes on may start it
                task.cancel()
            await asyncio.wait(waiting, timeout=STUBBORN_SECONDS)
        if working := self._working():
            log.info("waiting for running tasks", kind=self._kind.name, tasks=len(working), seconds=grace)
            await asyncio.wait(working, timeout=grace)
        for task in self._working():
            log.warning("given back unfinished", kind=self._kind.name, task_id=task.get_name())
            task.cancel()
        if working := self._working():
            await asyncio.wait(working, timeout=STUBBORN_SECONDS)

    @property
    def running(self) -> int:
        """Tasks in their slots."""
        return len(self._running)

    def _working(self) -> set[asyncio.Task[None]]:
        """What still has an outcome to come; a handler that goes on after its outcome has not."""
        return {
            execution.task
            for execution in self._runner.executions
            if execution.task is not None and not execution.finished
        }

    async def _provision(self) -> list[lanes.Lane]:
        return await lanes.provision_lanes(self._log, self._kind.name, self._kind.concurrency)

    def _make_lane(self, consumer: lanes.Lane) -> Lane:
        def on_delivery(delivery: Delivery) -> None:
            lane.waiting = delivery.pending
            self._start(lane, delivery)

        def on_end(gone: bool) -> None:
            lane.gone = gone
            self._wake.set()

        lane = Lane(self._log.puller(consumer.durable, on_delivery, on_end), consumer)
        return lane

    def _start(self, lane: Lane, delivery: Delivery) -> None:
        if self._draining:
            self._hold(delivery.nak(), "nak")
            return
        try:
            execution = Execution(self._kind, delivery)
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("a queued event cannot be read; it is dropped", sequence=delivery.sequence, error=str(error))
            self._hold(delivery.ack(), "drop")
            return
        if not lane.background:
            self._throttle.started()
        early = _seconds_early(execution)
        if early > 0:
            # The broker keeps it for the rest, and no slot is taken meanwhile; a limit to the concurrency counts it.
            self._hold(delivery.nak(early), "not due yet")
            return
        # A consumer made after the task was queued may hand out what an earlier one already saw finished, and so may one
        # that came back from an older copy; what a timer queued may have been cancelled in the moment it fired.
        older = self._log.served_since is not None and delivery.at < self._log.served_since
        from_timer = subjects.SCHEDULER in delivery.headers
        seen_before = delivery.delivered > 1 or delivery.at < lane.created or older or from_timer
        self._hold(self._runner.run_task(execution, seen_before=seen_before), execution.subject.task)

    def _hold(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._free)

    def _free(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a run broke; the task will be delivered again", task_id=task.get_name(), exc_info=error)

    async def _fill(self) -> None:
        """Order records for the free slots."""
        if self._draining or not self._log.is_current:
            return
        ready = [lane for lane in self._lanes if lane.puller.outstanding == 0 and not lane.gone and not lane.rests]
        ordered = sum(lane.puller.outstanding for lane in self._lanes)
        free = self._slots - len(self._running) - ordered
        if self._runner.rate is not None:  # what a second starts is enough to have at hand; the rest waits in the log
            at_hand = max(self._runner.rate.limit, len(self._lanes))
            free = min(free, at_hand - ordered - sum(execution.waiting for execution in self._runner.executions))
        shares = self._share(free, ready)
        for lane, share in shares.items():
            if lane.background and lane.waiting and self._throttle.is_active:
                share = min(share, PORTION)
                lane.rests = True
                asyncio.get_running_loop().call_later(REST_SECONDS, self._rested, lane)
            bulk = share > self._order
            lane.waiting = max(0, lane.waiting - share)  # until the next that comes says better
            await lane.puller.pull(share, BULK_EXPIRES_SECONDS if bulk else ORDER_EXPIRES_SECONDS)

    def _share(self, free: int, ready: list[Lane]) -> dict[Lane, int]:
        """Deal free slots to lanes: one to each that is idle, the rest by weight to those that have records waiting."""
        shares: Counter[Lane] = Counter()
        idle = [lane for lane in ready if not lane.waiting]
        busy = [lane for lane in ready if lane.waiting]
        ahead = min((lane.passed for lane in self._lanes if lane.waiting), default=0.0)
        for lane in idle:
            lane.passed = max(lane.passed, ahead)  # an idle lane saves up no claim on the future
        for lane in idle[: max(0, free)]:
            shares[lane] = 1 if busy else max(1, min(self._order, free // len(idle)))
        for _ in range(free - shares.total()):
            if not busy:
                break
            lane = min(busy, key=lambda lane: lane.passed)
            lane.passed += 1 / lane.weight
            shares[lane] += 1
            if shares[lane] == max(lane.waiting, self._order):
                busy.remove(lane)
        return shares

    def _rested(self, lane: Lane) -> None:
        lane.rests = False
        self._wake.set()

    async def _pull_anew(self) -> None:
        for lane in self._lanes:
            lane.puller.reset()
        self._wake.set()

    async def _check(self) -> None:
        for lane in self._lanes:
            lane.puller.check()
        if any(lane.gone for lane in self._lanes):
            await self._restore()
        now = time.monotonic()
        for execution in self._runner.executions:
            if (
                execution.deadline is not None
                and now > execution.deadline + STUBBORN_SECONDS
                and not execution.given_up
            ):
                execution.given_up = True
                log.error("a handler goes on although it was cancelled; its slot stays taken", kind=self._kind.name)
                self._hold(self._runner.give_up(execution), execution.subject.task)

    async def _restore(self) -> None:
        """Make the consumers that are gone again, unless workers that started later had them taken away."""
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
        except (LogUnavailable, ProvisionError) as error:
            gone = [lane.puller.durable for lane in self._lanes if lane.gone]
            log.warning("a lane is gone and cannot be made again yet", consumers=gone, error=str(error))
