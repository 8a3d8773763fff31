"""How a worker runs one task. The story is `Runner.run`; its steps follow in the order they are called.

The log decides who finishes a run: the outcome is appended with the run's fence, so of several workers that believe they
run the same task (a slow one given up for dead, a redelivery) exactly one is heard. A delivery is acknowledged last, so a
worker that dies at any point leaves the task to be delivered again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import structlog

from headrace.contracts.events import HIGH_RATE, Event, EventName, Queued, Started, decode, encode
from headrace.contracts.tasks import FailureCode
from headrace.errors import AppendRefused, LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.pull import NAK, Acknowledger
from headrace.log.records import Delivery, Record
from headrace.log.subjects import TaskSubject
from headrace.task import AnyKind
from headrace.telemetry import get_logger
from headrace.worker.calls import Interrupted, call
from headrace.worker.context import RunContext
from headrace.worker.heartbeats import Heartbeats
from headrace.worker.outcomes import AttemptOutcome, Failed, Succeeded, raised, to_event

STARTS_MAX = 3  # a run that was started this often without an outcome takes its worker down
RESULT_BYTES_MAX = 512 << 10  # bytes of JSON; a larger result belongs into a file
HIGH_RATE_TTL = "1h"  # progress, lines and chunks are for those who watch; the result and the timeline stay
APPEND_RETRY_SECONDS = 0.5
APPEND_TRIES_MAX = 1200  # ten minutes without the log; then the task is left to be delivered again

log = get_logger(__name__)


class Run:
    """One delivery of a task to this worker.

    Raises:
        msgspec.MsgspecError: the record is not a `queued` event.
        ValueError: its subject is not a task's.
    """

    __slots__ = (
        "deadline", "delivery", "finished", "given_up", "headers", "kind", "leftover", "queued", "said", "subject", "task"
    )  # fmt: skip

    def __init__(self, kind: AnyKind, delivery: Delivery) -> None:
        self.kind = kind
        self.delivery = delivery
        self.subject = TaskSubject.parse(delivery.subject)
        self.queued = _decode_queued(delivery)
        self.headers = {name: delivery.headers[name] for name in subjects.CARRIED if name in delivery.headers}
        self.task: asyncio.Task[None] | None = None
        self.deadline: float | None = None  # monotonic time, while the handler runs
        self.finished = False
        self.given_up = False
        self.leftover: asyncio.Future[object] | None = None  # a thread that goes on after its timeout
        self.said = 0


class Runner:
    """Runs the tasks of one kind."""

    def __init__(
        self,
        log: Log,
        kind: AnyKind,
        worker: str,
        heartbeats: Heartbeats,
        quarantine: asyncio.Lock,
        acks: Acknowledger,
        threads: ThreadPoolExecutor | None,
    ) -> None:
        self.kind = kind
        self.runs: set[Run] = set()
        self._log = log
        self._worker = worker
        self._heartbeats = heartbeats
        self._quarantine = quarantine
        self._acks = acks
        self._threads = threads

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
                if not run.finished:
                    await self._finish(run, await self._attempt(run, starts))
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
        finish = await self._last_finish(run)
        run.finished = finish is not None and finish.sequence > run.queued.fence
        if run.finished:
            log.info("was finished before, nothing to do", delivered=run.delivery.delivered)
            return 0
        started = run.subject.of(EventName.STARTED)
        page = await self._log.replayer.page(started, start=run.delivery.sequence + 1, records=STARTS_MAX)
        # The first start is told and not waited for (see `_call_handler`): a handler that took its worker down at once may
        # have left no trace of it. Deliveries alone do not count: a worker that drains gives back what it never started.
        recorded = len(page.records)
        starts = max(recorded, min(run.delivery.delivered - 1, recorded + 1))
        if starts:
            log.warning("takes over from a worker that was lost", starts=starts)
        return starts

    async def _attempt(self, run: Run, starts: int) -> AttemptOutcome:
        if starts >= STARTS_MAX:
            return Failed(
                FailureCode.WORKER_LOST,
                f"The task was started {starts} times and each time its worker died or stopped answering; it was given up.",
            )
        try:
            decoded = run.kind.decode_input(run.queued.input)
        except (msgspec.MsgspecError, RecursionError) as error:
            return Failed(FailureCode.INVALID_INPUT, f"The input is not what the kind takes: {error}")
        if starts < STARTS_MAX - 1:
            return await self._call_handler(run, decoded, starts)
        async with self._quarantine:  # it may have killed two workers; when it kills this one, no other is blamed
            return await self._call_handler(run, decoded, starts)

    async def _call_handler(self, run: Run, decoded: msgspec.Struct, starts: int) -> AttemptOutcome:
        say = self._say if starts else self._tell  # what is told stands before the outcome in the log all the same
        await say(run, EventName.STARTED, Started(attempt=run.queued.attempt, worker=self._worker))
        context = RunContext(
            run,
            tell=lambda name, event: self._tell(run, name, event),
            append=lambda name, event: self._say(run, name, event),
        )
        outcome = await self._outcome_of(run, decoded, context)
        await context.close()
        return outcome

    async def _outcome_of(self, run: Run, decoded: msgspec.Struct, context: RunContext) -> AttemptOutcome:
        kind = run.kind
        try:
            result = await call(run, decoded, context, self._threads)
        except Interrupted as error:
            return Failed(FailureCode.TIMEOUT, str(error))
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise  # not the handler's own, but the worker's
            return raised(error, kind.file)
        try:
            encoded = kind.encode_result(result)
        except TypeError as error:
            return Failed(FailureCode.RESULT_INVALID, f"The task ran, but {error}")
        if len(encoded) > RESULT_BYTES_MAX:
            return Failed(
                FailureCode.RESULT_TOO_LARGE,
                f"The task ran, but its result has {len(encoded):,} bytes; a result has at most {RESULT_BYTES_MAX:,}.",
            )
        return Succeeded(encoded)

    async def _finish(self, run: Run, outcome: AttemptOutcome) -> None:
        """Append the outcome under the run's fence, however long the log is away; whoever was first is right."""
        subject = run.subject.of(EventName.FINISHED)
        payload = encode(to_event(outcome, run.queued.attempt, self._worker))
        for fence in dict.fromkeys((run.queued.fence, 0)):  # a previous finish that has left the log counts as none
            headers = {**run.headers, subjects.EXPECTED_LAST_SUBJECT_SEQUENCE: str(fence)}
            try:
                await self._when_there(lambda headers=headers: self._log.appender.append(subject, payload, headers))
            except AppendRefused:
                finish = await self._last_finish(run)
                if finish is None:
                    continue
                if finish.payload != payload:  # else it is our own, of which we had not heard
                    log.warning("came second: somebody else finished the run; this outcome is dropped")
            else:
                _note(outcome)
            run.finished = True
            return

    async def _last_finish(self, run: Run) -> Record | None:
        return await self._log.replayer.last(run.subject.of(EventName.FINISHED))

    async def give_up(self, run: Run) -> None:
        """Finish a run whose handler goes on although it was cancelled; its late outcome will be refused."""
        reason = f"The task took longer than its timeout of {run.kind.timeout:g} s and did not stop when told to."
        await self._finish(run, Failed(FailureCode.TIMEOUT, reason))
        self._acks.ack(run.delivery)

    async def _tell(self, run: Run, name: EventName, event: Event) -> None:
        """Append without waiting for the log."""
        await self._log.appender.tell(run.subject.of(name), encode(event), _headers(run, name))

    async def _say(self, run: Run, name: EventName, event: Event) -> None:
        """Append, and wait until the log has it."""
        run.said += 1
        headers = _headers(run, name) | {
            subjects.MSG_ID: f"{run.delivery.sequence}-{run.delivery.delivered}-{run.said}"
        }
        subject, payload = run.subject.of(name), encode(event)
        await self._when_there(lambda: self._log.appender.append(subject, payload, headers))

    async def _when_there(self, append: Callable[[], Awaitable[object]]) -> None:
        """Append, waiting for a log that is away.

        Raises:
            LogUnavailable: it was away for ten minutes.
        """
        for _ in range(APPEND_TRIES_MAX):
            try:
                await append()
            except LogUnavailable as error:
                log.warning("the log is away; waiting for it", error=error.message)
                await asyncio.sleep(APPEND_RETRY_SECONDS)  # the connection says nothing until NATS is back
            else:
                return
        raise LogUnavailable("the log was away for too long")


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _headers(run: Run, name: EventName) -> dict[str, str]:
    return {**run.headers, subjects.TTL: HIGH_RATE_TTL} if name in HIGH_RATE else run.headers


def _decode_queued(delivery: Delivery) -> Queued:
    event = decode(delivery.payload)
    if not isinstance(event, Queued):
        raise msgspec.ValidationError(f"{delivery.subject} holds {type(event).__name__}")
    return event


def _correlation(run: Run) -> dict[str, Any]:
    found = run.headers.get(subjects.CORRELATION_ID)
    return {"correlation_id": found} if found else {}


def _note(outcome: AttemptOutcome) -> None:
    match outcome:
        case Succeeded():
            log.debug("succeeded")  # the log of record is the stream: `headrace tail`
        case Failed(code, message, trace):
            log.warning("failed", code=str(code), error=message, traceback=trace)
