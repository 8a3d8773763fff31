"""How an attempt ended, as values: matched exhaustively where they become events."""

from __future__ import annotations

import traceback

from msgspec import Raw, Struct

from headrace.contracts.events import Finished, Outcome
from headrace.contracts.tasks import FailureCode, TaskError
from headrace.worker.legible import legible

MESSAGE_CHARS_MAX = 2000  # a message is read by a person
TRACEBACK_CHARS_MAX = 16_000  # the innermost frames say the most, so the end is kept


class Succeeded(Struct, frozen=True):
    """The handler returned; ``result`` is its value as JSON."""

    result: bytes


class Failed(Struct, frozen=True):
    """It did not, for good."""

    code: FailureCode
    message: str
    traceback: str | None = None


AttemptOutcome = Succeeded | Failed


def raised(error: BaseException, file: str) -> Failed:
    """The handler raised. The worker's own frames, above the first one in the kind's file, are left out."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != file:
        trace = trace.tb_next
    written = "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - an exception's own __str__ can be as broken as anything
        said = "(its message cannot be read)"
    return Failed(
        FailureCode.RAISED,
        legible(f"{type(error).__name__}: {said}" if said else type(error).__name__, MESSAGE_CHARS_MAX),
        legible(written[-TRACEBACK_CHARS_MAX:], TRACEBACK_CHARS_MAX),
    )


def to_event(outcome: AttemptOutcome, attempt: int, worker: str) -> Finished:
    """The event that ends the run."""
    match outcome:
        case Succeeded(result):
            return Finished(attempt=attempt, outcome=Outcome.SUCCEEDED, result=Raw(result), worker=worker)
        case Failed(code, message, trace):
            error = TaskError(code=code, message=legible(message, MESSAGE_CHARS_MAX), traceback=trace)
            return Finished(attempt=attempt, outcome=Outcome.FAILED, error=error, worker=worker)
