"""Answers: read as what they are to be, or raised as what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import httpx
import msgspec

from headrace.contracts.problems import FieldError, Problem
from headrace.contracts.tasks import Task

NOT_HEADRACE = "not_headrace"  # the error code of an answer that is not one of this API

Out = TypeVar("Out")


class ProblemError(Exception):
    """The API refused, or failed.

    Attributes:
        status: HTTP status.
        error_code: Stable, for programs; `NOT_HEADRACE` when the answer is not one of this API.
        message: What to do about it, for people.
        errors: What is wrong, path by path; empty when it is not about the input.
        correlation_id: Under which the server has logged it.
        retry_after: Seconds after which the server wants to be asked again; None when it did not say so.
    """

    def __init__(
        self,
        status: int,
        error_code: str,
        message: str,
        errors: Iterable[FieldError] = (),
        correlation_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.errors = list(errors)
        self.correlation_id = correlation_id
        self.retry_after = retry_after


class TaskFailed(Exception):
    """A task has no result: it failed or was cancelled. ``task`` is the task, whole."""

    def __init__(self, task: Task) -> None:
        super().__init__(task.error.message if task.error else f"task {task.id} was {task.state}")
        self.task = task


def read(answer: httpx.Response, of: type[Out]) -> Out:
    """What an answer says.

    Raises:
        ProblemError: it says that something went wrong, or is not of this API.
    """
    check(answer)
    try:
        return msgspec.json.decode(answer.content, type=of)
    except msgspec.MsgspecError as error:
        raise _not_headrace(answer) from error


def check(answer: httpx.Response) -> None:
    """See that an answer is a good one.

    Raises:
        ProblemError: it is not.
    """
    if not answer.is_success:
        raise _problem(answer)


async def check_stream(answer: httpx.Response) -> None:
    """See that an answer that is not read yet is a stream of events.

    Raises:
        ProblemError: it is not.
    """
    if not answer.is_success:
        await answer.aread()
        raise _problem(answer)
    if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
        raise _not_headrace(answer)


def _problem(answer: httpx.Response) -> ProblemError:
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.MsgspecError:
        return _not_headrace(answer)
    said = answer.headers.get("Retry-After", "")
    return ProblemError(
        answer.status_code,
        problem.error_code,
        problem.message,
        problem.errors,
        problem.correlation_id,
        float(said) if said.isdecimal() else None,
    )


def _not_headrace(answer: httpx.Response) -> ProblemError:
    said = f"{answer.status_code} {answer.reason_phrase}".strip()
    message = f"{answer.url} answered {said}, and not as Headrace does; is this its address?"
    return ProblemError(answer.status_code, NOT_HEADRACE, message)
