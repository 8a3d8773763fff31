"""Decode the answers of the API, or raise what went wrong."""

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
    """The API refused a request, or failed.

    Attributes:
        status: The HTTP status.
        error_code: A stable code for programs; `NOT_HEADRACE` when the answer does not come from this API.
        message: A sentence for people that says what to do.
        errors: What is wrong with the input, path by path; empty when the input is not the reason.
        correlation_id: The id under which the server has logged the request.
        retry_after: Seconds after which the request may be sent again; None when the server did not say.
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


class UnusableRequest(ValueError):
    """A request that cannot be sent as it is: its address, a header or a text in it. Nothing was sent; change it."""


class TaskFailed(Exception):
    """A task has no result, because it failed or was cancelled. ``task`` is the whole task."""

    def __init__(self, task: Task) -> None:
        super().__init__(task.error.message if task.error else f"task {task.id} was {task.state}")
        self.task = task


def decode_answer(answer: httpx.Response, of: type[Out]) -> Out:
    """Decode the body of an answer.

    Raises:
        ProblemError: The API refused or failed, or the answer does not come from this API.
    """
    check_status(answer)
    try:
        return msgspec.json.decode(answer.content, type=of)
    except msgspec.MsgspecError as error:
        raise _not_headrace(answer) from error


def check_status(answer: httpx.Response) -> None:
    """Check that an answer has a status of success.

    Raises:
        ProblemError: The status says otherwise.
    """
    if not answer.is_success:
        raise _problem(answer)


async def check_stream(answer: httpx.Response) -> None:
    """Check that an answer whose body is not read yet is a stream of events.

    Raises:
        ProblemError: The API refused or failed, or the answer is no stream.
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
    retry_after = answer.headers.get("Retry-After", "")
    return ProblemError(
        answer.status_code,
        problem.error_code,
        problem.message,
        problem.errors,
        problem.correlation_id,
        float(retry_after) if retry_after.isdecimal() else None,
    )


def _not_headrace(answer: httpx.Response) -> ProblemError:
    status = f"{answer.status_code} {answer.reason_phrase}".strip()
    message = f"{answer.url} answered {status}, and not as Headrace does; is this its address?"
    return ProblemError(answer.status_code, NOT_HEADRACE, message)
