"""How a worker runs one task. The story is `Runner.run`; its steps follow in the order they are called.

The log decides who finishes a run: the outcome is appended with the run's fence, so of several workers that believe they
run the same task (a slow one given up for dead, a redelivery) exactly one is heard. A delivery is acknowledged last, so a
worker that dies at any point leaves the task to be delivered again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from headrace.contracts.events import Deferred, EventName, Queued, Started, decode
from headrace.contracts.tasks import FailureCode
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.deliveries import Acknowledger
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.task import AnyKind, Retry
from headrace.telemetry import get_logger
from headrace.worker.context import ExecutionContext
from headrace.worker.event_writer import EventWriter
from headrace.worker.execution import Execution
from headrace.worker.heartbeats import Heartbeats
from headrace.worker.invoke import Interrupted, invoke
from headrace.worker.outcomes import (
    AttemptOutcome,
    Cancelled,
    Failed,
    Retrying,
    Succeeded,
    raised,
    retry_or_fail,
    returned,
)
from headrace.worker.process_pool import ProcessLost, ProcessPool
from headrace.worker.quarantine import Quarantine
from headrace.worker.rate import Rate

STARTS_MAX = 3  # a run that was started this often without an outcome takes its worker down

log = get_logger(__name__)


class Runner:
    """Runs the tasks of one kind."""

    def __init__(
        self,
        log: Log,
        kind: AnyKind,
        worker: str,
        heartbeats: Heartbeats,
        quarantine: Quarantine,
        acks: Acknowledger,
        pool: ThreadPoolExecutor | ProcessPool | None,
        rate: Rate | None,
    ) -> None:
        self.kind = kind
        self.rate = rate
        self.executions: set[Execution] = set()
        self._log = log
        self._events = EventWriter(log, worker)
        self._heartbeats = heartbeats
        self._quarantine = quarantine
        self._acks = acks
        self._pool = pool

    async def run_task(self, execution: Execution, *, seen_before: bool) -> None:
        """Run one delivered task to its outcome and acknowledge it.

        Args:
            execution: The delivery.
            seen_before: Whether an earlier delivery may have got somewhere, so that the log must be asked.
        """
        execution.task = asyncio.current_task()
        structlog.contextvars.bind_contextvars(
            task_id=execution.subject.task, kind=self.kind.name, **_correlation(execution)
        )
        self.executions.add(execution)
        with self._heartbeats.of(execution):
            try:
                starts = await self._starts_so_far(execution) if seen_before else 0
                if starts and execution.delivery.delivered == 1:
                    # A consumer made anew hands out what somebody had from the one before, and may be running still.
                    await execution.delivery.nak(self._log.settings.ack_wait)
                    return
                if not execution.finished:
                    await self._finish(execution, await self._attempt_or_cancelled(execution, starts))
                self._acks.ack(execution.delivery)
            except asyncio.CancelledError:  # the worker is shutting down: somebody else runs it, at once
                await execution.delivery.nak()
                raise
            except LogUnavailable as error:
                log.error("the log is away; the task will be delivered again", error=error.message)
            finally:
                self.executions.discard(execution)
        if execution.leftover is not None:
            await asyncio.wait({execution.leftover})

    async def _starts_so_far(self, execution: Execution) -> int:
        """Ask the log how far this run got; notes on ``run`` whether it has ended."""
        everything = subjects.all_of(execution.subject.owner, execution.subject.task)
        last = {
            TaskSubject.parse(each.subject).event: each for each in await self._log.replayer.last_of_each(everything)
        }
        finished = last.get(EventName.FINISHED)
        execution.finished = (
            finished is not None and finished.sequence > execution.queued.fence
        ) or await self._was_retried(execution, last)
        if execution.finished:
            log.info("was finished before, nothing to do", delivered=execution.delivery.delivered)
            return 0
        started = set[int]()
        if EventName.STARTED in last and last[EventName.STARTED].sequence > execution.delivery.sequence:
            of_task = execution.subject.of(EventName.STARTED)
            page = await self._log.replayer.page(of_task, start=execution.delivery.sequence + 1, records=STARTS_MAX)
            started = {event.delivered for each in page.records if isinstance(event := decode(each.payload), Started)}
        # The first start is told and not waited for: a handler that took its worker down at once may have left no trace of
        # it. Other deliveries do not count for themselves: a worker that drains gives back what it never started, and what
        # waits for another suspect to end was not started.
        lost_trace = execution.delivery.delivered > execution.first_delivery and execution.first_delivery not in started
        starts = len(started) + lost_trace
        execution.started = bool(started)
        if starts:
            log.warning("takes over from a worker that was lost", starts=starts)
        return starts

    async def _was_retried(self, execution: Execution, last: Mapping[str, Record]) -> bool:
        """Whether a worker before us already put the task off; what follows from that is made sure of."""
        if _follows(execution, last.get(EventName.QUEUED)):
            return True
        deferred = _follows(execution, last.get(EventName.DEFERRED))
        if not isinstance(deferred, Deferred):
            return False
        timer = subjects.task_timer(execution.subject.owner, execution.subject.task)
        if (
            await self._log.replayer.last(timer) is None
        ):  # it went off, or there never was one: it died before it queued
            queued = await self._log.replayer.last(execution.subject.of(EventName.QUEUED))
            if not _follows(execution, queued):
                await self._events.queue_again(execution, deferred)
        return True

    async def _attempt_or_cancelled(self, execution: Execution, starts: int) -> AttemptOutcome:
        if execution.cancelled:
            return Cancelled()  # while the log was asked about it
        execution.cancellable = True
        try:
            return await self._attempt(execution, starts)
        except asyncio.CancelledError:
            if execution.cancelled and execution.task is not None and execution.task.uncancel() == 0:
                return Cancelled()
            raise  # the worker's own
        finally:
            execution.cancellable = False

    async def _attempt(self, execution: Execution, starts: int) -> AttemptOutcome:
        if not execution.started and (expired := _expired(execution.queued)):
            return expired
        if starts >= STARTS_MAX:
            return Failed(
                FailureCode.WORKER_LOST,
                f"The task was started {starts} times and each time its worker died or stopped answering; it was given up.",
            )
        try:
            decoded = execution.kind.decode_input(execution.queued.input)
        except (msgspec.MsgspecError, RecursionError) as error:
            return Failed(FailureCode.INVALID_INPUT, f"The input is not what the kind takes: {error}")
        if self.rate is not None:
            execution.waiting = True
            await self.rate.permit()
            execution.waiting = False
            if not execution.started and (expired := _expired(execution.queued)):
                return expired
        if starts < STARTS_MAX - 1:
            await self._quarantine.calm()
            return await self._call_handler(execution, decoded, starts)
        async with self._quarantine.alone(
            execution
        ):  # it may have killed two workers; when it kills this one, no other is blamed
            return await self._call_handler(execution, decoded, starts)

    async def _call_handler(self, execution: Execution, decoded: msgspec.Struct, starts: int) -> AttemptOutcome:
        await self._events.append_started(execution, surely=starts > 0)
        context = ExecutionContext(
            execution,
            tell=lambda name, event: self._events.append_nowait(execution, name, event),
            append=lambda name, event: self._events.append(execution, name, event),
        )
        try:
            outcome = await self._outcome_of(execution, decoded, context)
            await context.close()
        except asyncio.CancelledError:
            context.abandon()
            raise
        return outcome

    async def _outcome_of(
        self, execution: Execution, decoded: msgspec.Struct, context: ExecutionContext
    ) -> AttemptOutcome:
        kind = execution.kind
        try:
            result = await invoke(execution, decoded, context, self._pool)
        except Interrupted as error:
            return retry_or_fail(kind, execution.queued, TimeoutError(), Failed(FailureCode.TIMEOUT, str(error)))
        except ProcessLost as error:
            return retry_or_fail(kind, execution.queued, error, Failed(FailureCode.WORKER_LOST, str(error)))
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise  # not the handler's own, but the worker's, or whoever's who cancelled the task
            return retry_or_fail(kind, execution.queued, error, raised(error, kind.file))
        if isinstance(result, Retry):
            return retry_or_fail(kind, execution.queued, result, Failed(FailureCode.RAISED, str(result)))
        return result if isinstance(result, Succeeded | Failed) else returned(kind, result)

    async def _finish(self, execution: Execution, outcome: AttemptOutcome) -> None:
        """Append the outcome under the run's fence, however long the log is away; whoever was first is right."""
        match outcome:
            case Succeeded() | Failed():
                fenced = await self._events.append_outcome(execution, outcome)
            case Retrying():
                fenced = await self._events.defer(execution, outcome)
            case Cancelled():
                fenced = None
        if isinstance(fenced, Record):
            log.warning("came second: somebody else finished the run; this outcome is dropped")
        else:
            _note(outcome)
        execution.finished = True

    async def give_up(self, execution: Execution) -> None:
        """Finish a run whose handler goes on although it was cancelled; its late outcome will be refused."""
        self._quarantine.leave(execution)
        reason = f"The task took longer than its timeout of {execution.kind.timeout:g} s and did not stop when told to."
        await self._finish(
            execution,
            retry_or_fail(execution.kind, execution.queued, TimeoutError(), Failed(FailureCode.TIMEOUT, reason)),
        )
        self._acks.ack(execution.delivery)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _follows(execution: Execution, record: Record | None) -> Queued | Deferred | None:
    """What a record says, if it is of a later attempt of the same run."""
    if record is None or record.sequence < execution.delivery.sequence:
        return None
    event = decode(record.payload)
    if not isinstance(event, Queued | Deferred) or event.fence != execution.queued.fence:
        return None  # as a timer left over from a run before
    return event if event.attempt > execution.queued.attempt else None


def _expired(queued: Queued) -> Failed | None:
    if queued.expires_at is None or queued.expires_at >= datetime.now(UTC):
        return None
    return Failed(FailureCode.EXPIRED, f"The task was not started before {queued.expires_at.isoformat()}.")


def _correlation(execution: Execution) -> dict[str, Any]:
    found = execution.headers.get(subjects.CORRELATION_ID)
    return {"correlation_id": found} if found else {}


def _note(outcome: AttemptOutcome) -> None:
    match outcome:
        case Succeeded():
            log.debug("succeeded")  # the log of record is the stream: `headrace tail`
        case Retrying(after, cause):
            log.info("to be tried again", seconds=round(after, 3), code=str(cause.code), error=cause.message)
        case Cancelled():
            log.info("cancelled")
        case Failed(code, message, trace):
            log.warning("failed", code=str(code), error=message, traceback=trace)
