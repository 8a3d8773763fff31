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
from headrace.log.pull import NAK, Acknowledger, not_before
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.task import AnyKind, Retry
from headrace.telemetry import get_logger
from headrace.worker.context import RunContext
from headrace.worker.event_writer import Telling
from headrace.worker.execution import Run
from headrace.worker.heartbeats import Heartbeats
from headrace.worker.invoke import Interrupted, call
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
from headrace.worker.process_pool import Processes, ProcessLost
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
        pool: ThreadPoolExecutor | Processes | None,
        rate: Rate | None,
    ) -> None:
        self.kind = kind
        self.rate = rate
        self.runs: set[Run] = set()
        self._log = log
        self._telling = Telling(log, worker)
        self._heartbeats = heartbeats
        self._quarantine = quarantine
        self._acks = acks
        self._pool = pool

    async def run(self, run: Run, *, seen_before: bool) -> None:
        """Run one delivered task to its outcome and acknowledge it.

        Args:
            run: The delivery.
            seen_before: Whether an earlier delivery may have got somewhere, so that the log must be asked.
        """
        run.task = asyncio.current_task()
        structlog.contextvars.bind_contextvars(task_id=run.subject.task, kind=self.kind.name, **_correlation(run))
        self.runs.add(run)
        with self._heartbeats.of(run):
            try:
                starts = await self._starts_so_far(run) if seen_before else 0
                if starts and run.delivery.delivered == 1:
                    # A consumer made anew hands out what somebody had from the one before, and may be running still.
                    await self._log.connection.publish(run.delivery.reply, not_before(self._log.settings.ack_wait))
                    return
                if not run.finished:
                    await self._finish(run, await self._attempt_or_cancelled(run, starts))
                self._acks.ack(run.delivery)
            except asyncio.CancelledError:  # the worker is shutting down: somebody else runs it, at once
                await self._log.connection.publish(run.delivery.reply, NAK)
                raise
            except LogUnavailable as error:
                log.error("the log is away; the task will be delivered again", error=error.message)
            finally:
                self.runs.discard(run)
        if run.leftover is not None:
            await asyncio.wait({run.leftover})

    async def _starts_so_far(self, run: Run) -> int:
        """Ask the log how far this run got; notes on ``run`` whether it has ended."""
        everything = subjects.all_of(run.subject.owner, run.subject.task)
        last = {
            TaskSubject.parse(each.subject).event: each for each in await self._log.replayer.last_of_each(everything)
        }
        finished = last.get(EventName.FINISHED)
        run.finished = (finished is not None and finished.sequence > run.queued.fence) or await self._was_retried(
            run, last
        )
        if run.finished:
            log.info("was finished before, nothing to do", delivered=run.delivery.delivered)
            return 0
        started = set[int]()
        if EventName.STARTED in last and last[EventName.STARTED].sequence > run.delivery.sequence:
            of_task = run.subject.of(EventName.STARTED)
            page = await self._log.replayer.page(of_task, start=run.delivery.sequence + 1, records=STARTS_MAX)
            started = {event.delivered for each in page.records if isinstance(event := decode(each.payload), Started)}
        # The first start is told and not waited for: a handler that took its worker down at once may have left no trace of
        # it. Other deliveries do not count for themselves: a worker that drains gives back what it never started, and what
        # waits for another suspect to end was not started.
        lost_trace = run.delivery.delivered > run.first_delivery and run.first_delivery not in started
        starts = len(started) + lost_trace
        run.started = bool(started)
        if starts:
            log.warning("takes over from a worker that was lost", starts=starts)
        return starts

    async def _was_retried(self, run: Run, last: Mapping[str, Record]) -> bool:
        """Whether a worker before us already put the task off; what follows from that is made sure of."""
        if _follows(run, last.get(EventName.QUEUED)):
            return True
        deferred = _follows(run, last.get(EventName.DEFERRED))
        if not isinstance(deferred, Deferred):
            return False
        timer = subjects.task_timer(run.subject.owner, run.subject.task)
        if (
            await self._log.replayer.last(timer) is None
        ):  # it went off, or there never was one: it died before it queued
            queued = await self._log.replayer.last(run.subject.of(EventName.QUEUED))
            if not _follows(run, queued):
                await self._telling.queue_again(run, deferred)
        return True

    async def _attempt_or_cancelled(self, run: Run, starts: int) -> AttemptOutcome:
        if run.cancelled:
            return Cancelled()  # while the log was asked about it
        run.cancellable = True
        try:
            return await self._attempt(run, starts)
        except asyncio.CancelledError:
            if run.cancelled and run.task is not None and run.task.uncancel() == 0:
                return Cancelled()
            raise  # the worker's own
        finally:
            run.cancellable = False

    async def _attempt(self, run: Run, starts: int) -> AttemptOutcome:
        if not run.started and (expired := _expired(run.queued)):
            return expired
        if starts >= STARTS_MAX:
            return Failed(
                FailureCode.WORKER_LOST,
                f"The task was started {starts} times and each time its worker died or stopped answering; it was given up.",
            )
        try:
            decoded = run.kind.decode_input(run.queued.input)
        except (msgspec.MsgspecError, RecursionError) as error:
            return Failed(FailureCode.INVALID_INPUT, f"The input is not what the kind takes: {error}")
        if self.rate is not None:
            run.waiting = True
            await self.rate.permit()
            run.waiting = False
            if not run.started and (expired := _expired(run.queued)):
                return expired
        if starts < STARTS_MAX - 1:
            await self._quarantine.calm()
            return await self._call_handler(run, decoded, starts)
        async with self._quarantine.alone(
            run
        ):  # it may have killed two workers; when it kills this one, no other is blamed
            return await self._call_handler(run, decoded, starts)

    async def _call_handler(self, run: Run, decoded: msgspec.Struct, starts: int) -> AttemptOutcome:
        await self._telling.started(run, surely=starts > 0)
        context = RunContext(
            run,
            tell=lambda name, event: self._telling.tell(run, name, event),
            append=lambda name, event: self._telling.say(run, name, event),
        )
        try:
            outcome = await self._outcome_of(run, decoded, context)
            await context.close()
        except asyncio.CancelledError:
            context.abandon()
            raise
        return outcome

    async def _outcome_of(self, run: Run, decoded: msgspec.Struct, context: RunContext) -> AttemptOutcome:
        kind = run.kind
        try:
            result = await call(run, decoded, context, self._pool)
        except Interrupted as error:
            return retry_or_fail(kind, run.queued, TimeoutError(), Failed(FailureCode.TIMEOUT, str(error)))
        except ProcessLost as error:
            return retry_or_fail(kind, run.queued, error, Failed(FailureCode.WORKER_LOST, str(error)))
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise  # not the handler's own, but the worker's, or whoever's who cancelled the task
            return retry_or_fail(kind, run.queued, error, raised(error, kind.file))
        if isinstance(result, Retry):
            return retry_or_fail(kind, run.queued, result, Failed(FailureCode.RAISED, str(result)))
        return result if isinstance(result, Succeeded | Failed) else returned(kind, result)

    async def _finish(self, run: Run, outcome: AttemptOutcome) -> None:
        """Append the outcome under the run's fence, however long the log is away; whoever was first is right."""
        match outcome:
            case Succeeded() | Failed():
                fenced = await self._telling.finish(run, outcome)
            case Retrying():
                fenced = await self._telling.put_off(run, outcome)
            case Cancelled():
                fenced = None
        if isinstance(fenced, Record):
            log.warning("came second: somebody else finished the run; this outcome is dropped")
        else:
            _note(outcome)
        run.finished = True

    async def give_up(self, run: Run) -> None:
        """Finish a run whose handler goes on although it was cancelled; its late outcome will be refused."""
        self._quarantine.leave(run)
        reason = f"The task took longer than its timeout of {run.kind.timeout:g} s and did not stop when told to."
        await self._finish(
            run, retry_or_fail(run.kind, run.queued, TimeoutError(), Failed(FailureCode.TIMEOUT, reason))
        )
        self._acks.ack(run.delivery)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _follows(run: Run, record: Record | None) -> Queued | Deferred | None:
    """What a record says, if it is of a later attempt of the same run."""
    if record is None or record.sequence < run.delivery.sequence:
        return None
    event = decode(record.payload)
    if not isinstance(event, Queued | Deferred) or event.fence != run.queued.fence:
        return None  # as a timer left over from a run before
    return event if event.attempt > run.queued.attempt else None


def _expired(queued: Queued) -> Failed | None:
    if queued.expires_at is None or queued.expires_at >= datetime.now(UTC):
        return None
    return Failed(FailureCode.EXPIRED, f"The task was not started before {queued.expires_at.isoformat()}.")


def _correlation(run: Run) -> dict[str, Any]:
    found = run.headers.get(subjects.CORRELATION_ID)
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
