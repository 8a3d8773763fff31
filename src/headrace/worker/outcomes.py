"""How an attempt ended, as values. They are matched exhaustively where they become events."""

from __future__ import annotations

import traceback
from types import TracebackType

from msgspec import Raw, Struct

from headrace.contracts.events import Finished, Outcome, Queued
from headrace.contracts.tasks import FailureCode, TaskError
from headrace.sdk.kind import AnyKind
from headrace.sdk.retries import Retry
from headrace.worker.text import legible

MESSAGE_CHARS_MAX = 2000  # a message is read by a person
RESULT_BYTES_MAX = 512 << 10  # bytes of JSON; a larger result belongs into a file
TRACEBACK_CHARS_MAX = 16_000  # the innermost frames say the most, so the end is kept


class Succeeded(Struct, frozen=True):
    """The handler returned; ``result`` is its value as JSON."""

    result: bytes


class Failed(Struct, frozen=True):
    """The task failed, and is not tried again."""

    code: FailureCode
    message: str
    traceback: str | None = None


class Retrying(Struct, frozen=True):
    """The attempt failed, and the task is tried again after ``after`` seconds."""

    after: float
    cause: Failed


class Cancelled(Struct, frozen=True):
    """Somebody cancelled the task while it ran. The log has the end of the run already."""


AttemptOutcome = Succeeded | Failed | Retrying | Cancelled
Ending = Succeeded | Failed


class HandlerRaised(Exception):
    """A handler raised in its own process. The worker knows the exception by its names only.

    Args:
        type_names: The full names of the exception's class and of its bases, in the order of the MRO.
        message: The exception's message.
        traceback: The traceback from the handler's frame on.
    """

    def __init__(self, type_names: tuple[str, ...], message: str, traceback: str) -> None:
        super().__init__(type_names, message, traceback)
        self.type_names = type_names
        self.message = message
        self.traceback = traceback


def is_instance_of(error: BaseException, classes: tuple[type[BaseException], ...]) -> bool:
    """Whether a handler raised one of these exceptions, in the worker or in its own process."""
    if isinstance(error, HandlerRaised):
        return any(full_name(each) in error.type_names for each in classes)
    return isinstance(error, classes)


def full_name(of: type) -> str:
    """The name of a class with its module, which is the same in every process."""
    return f"{of.__module__}.{of.__qualname__}"


def returned(kind: AnyKind, result: object) -> Ending:
    """The outcome of a handler that returned: a success when its value is what the kind declares and not too large."""
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


def raised(error: BaseException, file: str) -> Failed:
    """The outcome of a handler that raised. Frames of the worker, above the first one in the kind's file, are left out."""
    if isinstance(error, HandlerRaised):
        name, message, trace = error.type_names[0].rpartition(".")[2], error.message, error.traceback
    else:
        name, message, trace = type(error).__name__, message_of(error), traceback_from(error, file)
    return Failed(
        FailureCode.RAISED,
        legible(f"{name}: {message}" if message else name, MESSAGE_CHARS_MAX),
        legible(trace[-TRACEBACK_CHARS_MAX:], TRACEBACK_CHARS_MAX),
    )


def message_of(error: BaseException) -> str:
    """The message of an exception, also of one whose ``__str__`` raises."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an exception's own __str__ can be as broken as anything
        return "(its message cannot be read)"


def traceback_from(error: BaseException, file: str) -> str:
    """The traceback of an exception from the first frame in ``file`` on; all of it when no frame is in ``file``."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != file:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))


def retry_or_fail(kind: AnyKind, queued: Queued, error: BaseException, failed: Failed) -> Failed | Retrying:
    """Decide whether a failed attempt is tried again: by the options of its kind, and by what the handler asked for.

    Args:
        kind: The task's kind.
        queued: The `queued` event of the attempt.
        error: What the handler raised, or returned as `Retry`.
        failed: The outcome when the task is not tried again.
    """
    asked = error if isinstance(error, Retry) else None
    attempts = queued.max_attempts or kind.options.max_attempts
    if queued.attempt >= attempts:
        if asked is None:
            return failed
        return Failed(failed.code, f"{asked}; but this was attempt {queued.attempt} of {attempts}", failed.traceback)
    if asked is not None:
        return Retrying(kind.options.backoff.after(queued.attempt) if asked.after is None else asked.after, failed)
    if is_instance_of(error, kind.options.give_up_on) or not is_instance_of(error, kind.options.retry_on):
        return failed
    return Retrying(kind.options.backoff.after(queued.attempt), failed)


def to_error(failed: Failed) -> TaskError:
    """The error that an event keeps of a failure."""
    return TaskError(code=failed.code, message=legible(failed.message, MESSAGE_CHARS_MAX), traceback=failed.traceback)


def to_event(outcome: Ending, attempt: int, worker: str) -> Finished:
    """The event that ends the run with an outcome."""
    match outcome:
        case Succeeded(result):
            return Finished(attempt=attempt, outcome=Outcome.SUCCEEDED, result=Raw(result), worker=worker)
        case Failed():
            return Finished(attempt=attempt, outcome=Outcome.FAILED, error=to_error(outcome), worker=worker)
