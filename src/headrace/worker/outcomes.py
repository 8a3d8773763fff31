"""How an attempt ended, as values: matched exhaustively where they become events."""

from __future__ import annotations

import traceback

from msgspec import Raw, Struct

from headrace.contracts.events import Finished, Outcome
from headrace.contracts.tasks import FailureCode, TaskError

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


def raised(error: BaseException) -> Failed:
    """The handler raised. The worker's own frames, above the handler's, are left out."""
    own = error.__traceback__.tb_next if error.__traceback__ else None
    written = "".join(traceback.format_exception(type(error), error, own))
    said = str(error)
    return Failed(
        FailureCode.RAISED,
        _shorten(f"{type(error).__name__}: {said}" if said else type(error).__name__),
        written[-TRACEBACK_CHARS_MAX:],
    )


def to_event(outcome: AttemptOutcome, attempt: int) -> Finished:
    """The event that ends the run."""
    match outcome:
        case Succeeded(result):
            return Finished(attempt=attempt, outcome=Outcome.SUCCEEDED, result=Raw(result))
        case Failed(code, message, trace):
            error = TaskError(code=code, message=_shorten(message), traceback=trace)
            return Finished(attempt=attempt, outcome=Outcome.FAILED, error=error)


def _shorten(message: str) -> str:
    return message if len(message) <= MESSAGE_CHARS_MAX else message[: MESSAGE_CHARS_MAX - 1] + "…"
