"""How a worker runs one task. The story is `Runner.run_task`; its steps follow in the order in which they are called.

The log decides which worker finishes a run: the outcome is appended under the run's fence, so when several workers run the
same task (one that was given up for dead, and the one after it) the log accepts the outcome of exactly one. The worker
acknowledges a delivery last, so when it dies at any point before, the broker delivers the task again.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import structlog

from headrace.contracts.tasks import FailureCode
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.deliveries import Acknowledger, Delivery
from headrace.sdk.kind import AnyKind
from headrace.telemetry import get_logger
from headrace.worker.attempt_files import AttemptFiles
from headrace.worker.child_process import ProcessLost
from headrace.worker.context import ExecutionContext
from headrace.worker.event_writer import ENDED_BEFORE, EventWriter
from headrace.worker.execution import Execution
from headrace.worker.file_store import FileStore
from headrace.worker.handler_threads import NoThread
from headrace.worker.heartbeats import Heartbeats
from headrace.worker.history import NOT_STARTED, STARTS_MAX, History, read_history
from headrace.worker.invoke import CANCEL_GRACE_SECONDS, Interrupted, Pool, invoke
from headrace.worker.kept_output import KeptOutput
from headrace.worker.large_values import fetch_input, store_result
from headrace.worker.left_overs import LeftOvers
from headrace.worker.metrics import WorkerMetrics
from headrace.worker.outcomes import (
    AttemptOutcome,
    Cancelled,
    Failed,
    Retrying,
    Succeeded,
    read_input,
    retry_or_fail,
)
from headrace.worker.process_pool import ProcessPool
from headrace.worker.quarantine import Quarantine
from headrace.worker.rate import Rate
from headrace.worker.reports import log_fields, log_outcome, report_outcome
from headrace.worker.running_record import NO_ROW, RunningRecord
from headrace.worker.scratch import Scratch
from headrace.worker.traces import tracing
from headrace.worker.unstarted import find_expiry, held_up_its_worker, worker_lost

LEFT_OVER_SECONDS = 1.0  # for a thread that was told to stop: a bytecode away, unless it hangs in a C call

log = get_logger(__name__)


class Runner:
    """Runs the tasks of one kind.

    Args:
        kind: The kind.
        pool: Where the kind's handler runs; None for the event loop.
        rate: The kind's limit of starts per second; None when it has no limit.
        log: The log, as all that follows shared by the kinds of the worker.
        events: Appends the worker's events.
        heartbeats: Keep what runs from being delivered to another worker.
        quarantine: Keeps apart a task that may take down the worker.
        acknowledger: Acknowledges deliveries.
        record: What the worker runs, for the one after it.
        left_overs: Counts the handlers that go on although their task has ended.
        metrics: Counts deliveries, starts and outcomes.
        slots: How many tasks of the kind the worker runs at a time.
        store: Where files are; None when the settings name no store.
        scratch: Where the local copies of files are.
    """

    def __init__(
        self,
        *,
        kind: AnyKind,
        pool: Pool | None,
        rate: Rate | None,
        log: Log,
        events: EventWriter,
        heartbeats: Heartbeats,
        quarantine: Quarantine,
        acknowledger: Acknowledger,
        record: RunningRecord,
        left_overs: LeftOvers,
        metrics: WorkerMetrics,
        slots: int,
        store: FileStore | None,
        scratch: Scratch,
    ) -> None:
        self.kind = kind
        self.rate = rate
        self.executions: set[Execution] = set()
        self._pool = pool
        self._log = log
        self._events = events
        self._heartbeats = heartbeats
        self._quarantine = quarantine
        self._acknowledger = acknowledger
        self._record = record
        self._left_overs = left_overs
        self._metrics = metrics
        self._slots = slots
        self._store = store
        self._scratch = scratch

    async def run_task(self, execution: Execution, *, seen_before: bool) -> None:
        """Run one delivered task to its outcome and acknowledge it.

        Args:
            execution: The delivery.
            seen_before: Whether a worker may have had the task before, so that its history must be read in the log.
        """
        execution.task = asyncio.current_task()
        structlog.contextvars.bind_contextvars(**log_fields(execution))
        self.executions.add(execution)
        self._metrics.count_delivery(execution)
        with self._heartbeats.of(execution):
            try:
                history = await self._read_history(execution) if seen_before else NOT_STARTED
                if history.starts and execution.delivery.delivered == 1:
                    # A consumer that was made again delivers what the consumer before it had delivered, and a worker may
                    # still be running that.
                    await execution.delivery.nak(self._log.settings.ack_wait)
                    return
                if history.ended:
                    execution.end()
                else:
                    await self._finish(execution, await self._attempt_unless_cancelled(execution, history))
                self._acknowledger.ack(execution.delivery)
            except asyncio.CancelledError:
                # The worker is shutting down, so another one runs the task at once.
                await execution.delivery.nak()
                raise
            except LogUnavailable as error:
                log.error("the log is away; the task will be delivered again", error=error.message)
            finally:
                self.executions.discard(execution)
        if execution.leftover is not None:
            await self._wait_for_handler(execution, execution.leftover)

    def continue_under(self, delivery: Delivery) -> bool:
        """Whether a record that is delivered again runs here; it goes on under this delivery, and does not run twice."""
        running = next((each for each in self.executions if each.may_take_over(delivery)), None)
        if running is None:
            return False
        running.take_over(delivery)
        self._metrics.count_delivery(running)
        log.warning(
            "delivered again while it runs here; it goes on", **log_fields(running), delivered=delivery.delivered
        )
        return True

    async def _read_history(self, execution: Execution) -> History:
        history = await read_history(self._log, self._events, execution)
        if history.ended:
            log.info("was finished before, nothing to do", delivered=execution.delivery.delivered)
        elif history.starts:
            log.warning("takes over from a worker that was lost", starts=history.starts)
        return history

    async def _attempt_unless_cancelled(self, execution: Execution, history: History) -> AttemptOutcome:
        if execution.cancelled:
            # The cancellation came while the history was read.
            return Cancelled()
        execution.start()
        try:
            return await self._attempt(execution, history)
        except asyncio.CancelledError:
            if execution.cancelled and execution.task is not None and execution.task.uncancel() == 0:
                return Cancelled()
            # The worker is shutting down.
            raise
        finally:
            execution.conclude()

    async def _attempt(self, execution: Execution, history: History) -> AttemptOutcome:
        if expired := find_expiry(execution, history):
            return expired
        if history.starts >= STARTS_MAX:
            return worker_lost(history)
        if execution.delivery.sequence in self._record.blamed:
            return held_up_its_worker(execution)
        if (failed := await fetch_input(execution, self._store)) is not None:
            return failed
        decoded = read_input(execution.kind, execution.input)
        if isinstance(decoded, Failed):
            return decoded
        if self.rate is not None:
            await self.rate.permit()
            execution.permit()
            if expired := find_expiry(execution, history):
                return expired
        if history.starts < STARTS_MAX - 1:
            await self._quarantine.calm()
            return await self._call_handler(execution, decoded, history)
        # The task may have taken down two workers. When it takes down this one, no other task is blamed.
        async with self._quarantine.alone(execution):
            return await self._call_handler(execution, decoded, history)

    async def _call_handler(self, execution: Execution, decoded: msgspec.Struct, history: History) -> AttemptOutcome:
        with tracing(execution) as attempt:
            await self._events.append_started(execution, wait=history.starts > 0)
            self._metrics.record_start(execution)
            files = AttemptFiles(execution, self._events, self._store, self._scratch)
            attempt_number, fence = execution.queued.attempt, execution.queued.fence
            kept = KeptOutput(files, attempt=attempt_number, fence=fence, has_lost=history.starts > 0)
            context = ExecutionContext(execution, self._events, files, kept)
            try:
                outcome = await self._outcome_of_handler(execution, decoded, context)
                outcome = await store_result(execution, files, outcome)
                await context.close()
                await kept.store()
            except asyncio.CancelledError:
                context.abandon()
                if execution.cancelled:
                    attempt.note(Cancelled())
                raise
            finally:
                await files.close()
            attempt.note(outcome)
        return outcome

    async def _outcome_of_handler(
        self, execution: Execution, decoded: msgspec.Struct, context: ExecutionContext
    ) -> AttemptOutcome:
        kind, queued = execution.kind, execution.queued
        row = self._note(execution)
        try:
            return await invoke(execution, decoded, context, self._pool)
        except NoThread as error:
            self._left_overs.give_up(str(error))
            raise
        except Interrupted as error:
            return retry_or_fail(kind, queued, TimeoutError(), Failed(FailureCode.TIMEOUT, str(error)))
        except ProcessLost as error:
            return retry_or_fail(kind, queued, error, Failed(FailureCode.WORKER_LOST, str(error)))
        finally:
            self._record.clear(row)

    def _note(self, execution: Execution) -> int:
        """Note in the record that the handler is about to be called; one in a process of its own cannot hold up the worker."""
        if isinstance(self._pool, ProcessPool):
            return NO_ROW
        return self._record.note(execution.delivery.sequence, time.monotonic() + execution.kind.options.timeout)

    async def _finish(self, execution: Execution, outcome: AttemptOutcome) -> None:
        """Append the outcome under the run's fence, however long the log is away. The first outcome counts."""
        match outcome:
            case Succeeded() | Failed():
                appended_or_finish = await self._events.append_outcome(execution, outcome)
            case Retrying():
                appended_or_finish = await self._events.defer(execution, outcome)
            case Cancelled():
                appended_or_finish = None
        if isinstance(appended_or_finish, ENDED_BEFORE):
            log.warning("came second: somebody else finished the run; this outcome is dropped")
        else:
            self._metrics.record_outcome(execution, outcome)
            log_outcome(outcome)
            report_outcome(execution, outcome)
        execution.end()

    async def _wait_for_handler(self, execution: Execution, handler: asyncio.Future[Any]) -> None:
        """Keep the slot until the handler has ended, or goes on for so long that it is left over."""
        told = CANCEL_GRACE_SECONDS if execution.cancelled else 0.0
        # A process is killed, so that it always ends.
        patience = None if isinstance(self._pool, ProcessPool) else told + LEFT_OVER_SECONDS
        await asyncio.wait({handler}, timeout=patience)
        if not handler.done() and not self._left_overs.add(self.kind, handler, self._slots):
            await asyncio.wait({handler})

    async def give_up(self, execution: Execution) -> bool:
        """Finish a run whose handler goes on although it was cancelled. The log refuses the handler's late outcome.

        Returns:
            Whether the handler's slot is free for the next task.
        """
        self._quarantine.leave(execution)
        await self._finish_without_handler(execution)
        self._acknowledger.ack(execution.delivery)
        return execution.task is not None and self._left_overs.add(self.kind, execution.task, self._slots)

    async def _finish_without_handler(self, execution: Execution) -> None:
        if execution.cancelled:
            # The log has the end of the run already.
            execution.end()
            return
        kind = execution.kind
        reason = f"The task took longer than its timeout of {kind.options.timeout:g} s and did not stop when told to."
        failed = Failed(FailureCode.TIMEOUT, reason)
        await self._finish(execution, retry_or_fail(kind, execution.queued, TimeoutError(), failed))
