"""What a worker says about an execution: in its log, and to those who are told of errors."""

from __future__ import annotations

from typing import Any

from headrace.contracts.tasks import FailureCode
from headrace.error_reports import report_failure
from headrace.log import subjects
from headrace.telemetry import get_logger
from headrace.tracing.w3c import TRACEPARENT, TraceContext
from headrace.worker.execution import Execution
from headrace.worker.outcomes import AttemptOutcome, Cancelled, Failed, Retrying, Succeeded

log = get_logger("headrace.worker.run")


def log_fields(execution: Execution) -> dict[str, Any]:
    """What every log line inside an execution carries."""
    fields = {"task_id": execution.subject.task, "kind": execution.kind.name}
    if found := execution.headers.get(subjects.CORRELATION_ID):
        fields["correlation_id"] = found
    if TRACEPARENT in execution.headers and (trace := TraceContext.of_record(execution.headers)) is not None:
        fields |= trace.log_fields()
    return fields


def log_outcome(outcome: AttemptOutcome) -> None:
    """Log how an attempt ended."""
    match outcome:
        case Succeeded():
            # Successes are in the log of events, which `headrace tail` shows.
            log.debug("succeeded")
        case Retrying(after, cause):
            log.info("to be tried again", seconds=round(after, 3), code=str(cause.code), error=cause.message)
        case Cancelled():
            log.info("cancelled")
        case Failed(code, message, trace):
            log.warning("failed", code=str(code), error=message, traceback=trace)


def report_outcome(execution: Execution, outcome: AttemptOutcome) -> None:
    """Report a failure that has its cause in the code of the kind, and not in an input or in the time that has passed."""
    if isinstance(outcome, Failed) and outcome.code not in (FailureCode.INVALID_INPUT, FailureCode.EXPIRED):
        raised = outcome.code is FailureCode.RAISED
        report_failure(
            outcome.message.partition(":")[0] if raised else str(outcome.code),
            outcome.traceback,
            task_id=execution.subject.task,
            kind=execution.kind.name,
            attempt=str(execution.queued.attempt),
            code=str(outcome.code),
        )
