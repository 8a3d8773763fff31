"""How an attempt ended, as values. They are matched exhaustively where they become events."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar, cast

from msgspec import MsgspecError, Raw, Struct

from headrace.contracts.events import Finished, Outcome, Queued
from headrace.contracts.large_values import VALUE_BYTES_MAX, StoredValue
from headrace.contracts.tasks import NULL, FailureCode, TaskError
from headrace.sdk.files import FileError
from headrace.sdk.kind import AnyKind, ResultError
from headrace.sdk.retries import Retry, wait_seconds
from headrace.sdk.said import to_text
from headrace.worker.text import legible

MESSAGE_CHARS_MAX = 2000  # a message is read by a person
RESULT_BYTES_MAX = 512 << 10  # bytes of JSON in an event, where there is no object storage for larger results
TRACEBACK_CHARS_MAX = 16_000  # the innermost frames say the most, so the end is kept


class Succeeded(Struct, frozen=True):
    """The handler returned; ``result`` is its value as JSON, null when it is ``stored``."""

    result: bytes
    stored: StoredValue | None = None


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


class Stop(BaseException):
    """Raised inside a handler that does not stop when asked. It is no Exception, so that no handler catches it by accident."""


Left = Succeeded | Failed | Retry | BaseException
"""What a handler leaves behind: how its value is written down, what it asks for, or what it raised."""

Computed = TypeVar("Computed")


def guarded(compute: Callable[[], Computed], otherwise: Computed) -> Computed:
    """Return what code of a handler computes; or ``otherwise``, when that code raises, whatever it raises.

    Results and exceptions bring code of their own: properties, ``__str__``, ``__instancecheck__``. It runs here and nowhere
    else, so that none of it keeps a task from its outcome.

    Raises:
        Stop: the code took longer than the timeout of its kind.
    """
    try:
        return compute()
    except Stop:
        raise
    except BaseException:  # noqa: BLE001 - KeyboardInterrupt out of a __str__ included
        return otherwise


def read_input(kind: AnyKind, raw: bytes | Raw) -> Struct | Failed:
    """Decode an input to what the handler takes; or the outcome, when the kind does not take it, whatever it raises.

    Raises:
        Stop: code of the input took longer than the timeout of its kind.
    """
    try:
        return kind.decode_input(raw)
    except Stop:
        raise
    except (MsgspecError, RecursionError) as error:
        found = message_of(error)
    except BaseException as error:  # noqa: BLE001 - a __post_init__ may raise anything, also on the event loop
        found = f"{name_of(error)}: {message_of(error)}"
    return Failed(FailureCode.INVALID_INPUT, f"The input is not what the kind takes: {found}")


def returned(kind: AnyKind, result: object) -> Succeeded | Failed | Retry:
    """What a handler leaves behind that returned. Its value is a success when it is what the kind declares and not too large.

    Raises:
        Stop: writing the value down took longer than the timeout of its kind.
    """
    if guarded(lambda: isinstance(result, Retry), otherwise=False):
        return cast("Retry", result)
    try:
        encoded = kind.encode_result(result)
    except Stop:
        raise
    except BaseException as error:  # noqa: BLE001 - as in `guarded`: the code of the value may raise anything
        return Failed(FailureCode.RESULT_INVALID, f"The task ran, but {_describe_unwritable(error)}")
    return Succeeded(encoded) if len(encoded) <= VALUE_BYTES_MAX else too_large(len(encoded), VALUE_BYTES_MAX)


def too_large(size: int, limit: int) -> Failed:
    """The outcome of a handler whose result has more bytes than there may be."""
    message = f"The task ran, but its result has {size:,} bytes; a result has at most {limit:,}."
    return Failed(FailureCode.RESULT_TOO_LARGE, message)


def _describe_unwritable(error: BaseException) -> str:
    if type(error) is ResultError:
        return str(error)
    return f"the handler's result cannot be written as JSON: {name_of(error)}: {message_of(error)}"


def outcome_of(kind: AnyKind, queued: Queued, left: Left) -> AttemptOutcome:
    """The outcome of an attempt whose handler has ended by itself, whatever it left behind.

    Args:
        kind: The task's kind.
        queued: The `queued` event of the attempt.
        left: What the handler left behind.

    Raises:
        Stop: code of what was left behind took longer than the timeout of its kind.
    """
    undescribed = Failed(FailureCode.RAISED, "The handler raised an exception that cannot be described.")
    return guarded(lambda: _outcome_of(kind, queued, left), otherwise=undescribed)


def _outcome_of(kind: AnyKind, queued: Queued, left: Left) -> AttemptOutcome:
    match left:
        case Succeeded() | Failed():
            return left
        case Retry():
            return retry_or_fail(kind, queued, left, Failed(FailureCode.RAISED, message_of(left)))
        case _:
            return retry_or_fail(kind, queued, left, raised(left, kind.file))


def raised(error: BaseException, file: str) -> Failed:
    """The outcome of a handler that raised. Frames of the worker, above the first one in the kind's file, are left out."""
    if isinstance(error, HandlerRaised):
        name, message, trace = error.type_names[0].rpartition(".")[2], error.message, error.traceback
    else:
        name, message, trace = name_of(error), message_of(error), traceback_from(error, file)
    return Failed(
        FailureCode.RAISED,
        legible(f"{name}: {message}" if message else name, MESSAGE_CHARS_MAX),
        legible(trace[-TRACEBACK_CHARS_MAX:], TRACEBACK_CHARS_MAX),
    )


def name_of(error: BaseException) -> str:
    """The name of an exception's class, also when its metaclass has an odd idea of it."""
    return guarded(lambda: to_text(type(error).__name__), otherwise="(an exception without a name)")


def names_of(error: BaseException) -> tuple[str, ...]:
    """The full names of an exception's class and of its bases, in the order of the MRO."""
    return guarded(
        lambda: tuple(full_name(each) for each in type(error).__mro__), otherwise=("builtins.BaseException",)
    )


def full_name(of: type) -> str:
    """The name of a class with its module, which is the same in every process."""
    return to_text(f"{of.__module__}.{of.__qualname__}")


def message_of(error: BaseException) -> str:
    """The message of an exception, also of one whose ``__str__`` raises."""
    return guarded(lambda: to_text(str(error)), otherwise="(its message cannot be read)")


def traceback_from(error: BaseException, file: str) -> str:
    """The traceback of an exception from the first frame in ``file`` on; all of it when no frame is in ``file``.

    Of an exception that Python cannot format, the frames alone are shown.
    """
    shown = guarded(lambda: _frames_from(error, file), otherwise=None)
    whole = guarded(lambda: "".join(traceback.format_exception(type(error), error, shown)), otherwise=None)
    if whole is not None:
        return whole
    frames = guarded(lambda: "".join(traceback.format_tb(shown)), otherwise="")
    return f"{frames}{name_of(error)}: (this exception cannot be formatted)\n"


def _frames_from(error: BaseException, file: str) -> TracebackType | None:
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != file:
        trace = trace.tb_next
    return trace or error.__traceback__


def is_instance_of(error: BaseException, classes: tuple[type[BaseException], ...]) -> bool:
    """Whether a handler raised one of these exceptions, in the worker or in its own process."""
    if isinstance(error, HandlerRaised):
        return any(full_name(each) in error.type_names for each in classes)
    return guarded(lambda: isinstance(error, classes), otherwise=False)


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
        message = f"{message_of(asked)}; but this was attempt {queued.attempt} of {attempts}"
        return Failed(failed.code, message, failed.traceback)
    if asked is not None:
        wait = wait_of(asked)
        return Retrying(kind.options.backoff.after(queued.attempt) if wait is None else wait, failed)
    if is_instance_of(error, (FileError, *kind.options.give_up_on)) or not is_instance_of(error, kind.options.retry_on):
        return failed
    return Retrying(kind.options.backoff.after(queued.attempt), failed)


def wait_of(asked: Retry) -> float | None:
    """Seconds that a handler wants its task to wait; None when it leaves that open, or has made nonsense of it."""
    return guarded(lambda: None if asked.after is None else wait_seconds(asked.after), otherwise=None)


def to_error(failed: Failed) -> TaskError:
    """The error that an event keeps of a failure."""
    return TaskError(code=failed.code, message=legible(failed.message, MESSAGE_CHARS_MAX), traceback=failed.traceback)


def to_event(
    outcome: Ending,
    attempt: int,
    worker: str,
    *,
    queued_seconds: float | None = None,
    run_seconds: float | None = None,
) -> Finished:
    """The event that ends the run with an outcome; the durations are those of the attempt, None when it was not started."""
    succeeded = isinstance(outcome, Succeeded)
    return Finished(
        attempt=attempt,
        outcome=Outcome.SUCCEEDED if succeeded else Outcome.FAILED,
        result=Raw(outcome.result) if succeeded else NULL,
        error=None if succeeded else to_error(outcome),
        worker=worker,
        stored_result=outcome.stored if succeeded else None,
        queued_seconds=queued_seconds,
        run_seconds=run_seconds,
    )
