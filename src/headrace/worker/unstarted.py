"""Attempts that end without a call of their handler: the task expired, or earlier starts have shown what it does."""

from __future__ import annotations

from headrace.contracts.tasks import FailureCode
from headrace.log import clock
from headrace.worker.execution import Execution
from headrace.worker.history import History
from headrace.worker.outcomes import AttemptOutcome, Failed, retry_or_fail


def held_up_its_worker(execution: Execution) -> AttemptOutcome:
    """The outcome of a task that has ended its worker because it could not be interrupted."""
    kind = execution.kind
    reason = (
        f"The task went on after its timeout of {kind.options.timeout:g} s in a call that cannot be interrupted, and held up its"
        " whole worker, which was ended. A kind that makes such calls needs process=True."
    )
    failed = Failed(FailureCode.TIMEOUT, reason)
    return retry_or_fail(kind, execution.queued, TimeoutError(), failed)


def find_expiry(execution: Execution, history: History) -> Failed | None:
    """The outcome of a task that was not started in time; None when it may start."""
    expires_at = execution.queued.expires_at
    if history.has_started or expires_at is None or expires_at >= clock.now():
        return None
    return Failed(FailureCode.EXPIRED, f"The task was not started before {expires_at.isoformat()}.")


def worker_lost(history: History) -> Failed:
    """The outcome of a task that was started as often as any may be, and never ended."""
    return Failed(
        FailureCode.WORKER_LOST,
        f"The task was started {history.starts} times and each time its worker died or stopped answering;"
        " it was given up.",
    )
