"""Decode the answers of the API, or raise what went wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

import httpx
import msgspec
from msgspec import Raw

from headrace.client.driver import Driver
from headrace.contracts.payloads import decode_payload
from headrace.contracts.problems import FieldError, Problem
from headrace.contracts.tasks import Task

BODY_BYTES_MAX = 512 << 20  # a thousand schedules with the largest inputs have half of that
BODY_SECONDS_MAX = 300.0  # from the headers of an answer to its end; a server that drips bytes is not this API

ERRORS_SHOWN = 20  # in a text for people; `errors` has all of them

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

    def __str__(self) -> str:
        """Return the message, and what is wrong path by path unless the message says it."""
        wrong = [f"{each.path}: {each.message}" if each.path else each.message for each in self.errors]
        more = [each for each in wrong[:ERRORS_SHOWN] if each not in self.message]
        left = [f"and {len(wrong) - ERRORS_SHOWN} more"] if len(wrong) > ERRORS_SHOWN else []
        return "\n  ".join([self.message, *more, *left])


class UnusableRequest(ValueError):
    """A request that cannot be sent as it is: its address, a header or a text in it. Nothing was sent; change it."""


class TaskFailed(Exception):
    """A task has no result, because it failed or was cancelled. ``task`` is the whole task."""

    def __init__(self, task: Task) -> None:
        super().__init__(task.error.message if task.error else f"task {task.id} was {task.state}")
        self.task = task


class UnexpectedResult(Exception):
    """A task has succeeded, and its result is not what its kind is said to return: the program and the workers have different versions.

    Attributes:
        task: The id of the task.
        result: The result, as JSON.
    """

    def __init__(self, task: str, result: Raw, message: str) -> None:
        super().__init__(message)
        self.task = task
        self.result = result


class Answer:
    """An answer whose body is read.

    Args:
        response: The answer.
        body: Its body.
    """

    def __init__(self, response: httpx.Response, body: bytes) -> None:
        self._response = response
        self._body = body

    def decode(self, of: type[Out]) -> Out:
        """Decode the body.

        Raises:
            ProblemError: The API refused or failed, or the answer does not come from this API.
        """
        self.check_status()
        return decode_json(self._response, self._body, of)

    def check_status(self) -> None:
        """Check that the status is one of success.

        Raises:
            ProblemError: The status says otherwise.
        """
        if not self._response.is_success:
            raise _problem(self._response, self._body)


async def read_answer(driver: Driver, response: httpx.Response) -> Answer:
    """Read the body of an answer, which may come from any server.

    Raises:
        ProblemError: The body cannot be decompressed, or it is larger than any that this API sends.
        httpx.TransportError: The connection broke, or the body does not end.
    """
    try:
        async with driver.within(BODY_SECONDS_MAX):
            body = await _read_body(driver, response)
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"the answer had no end after {BODY_SECONDS_MAX:.0f} seconds") from error
    return Answer(response, body)


async def _read_body(driver: Driver, response: httpx.Response) -> bytes:
    body = bytearray()
    async for part in read_parts(driver, response):
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise not_headrace(response)
    return bytes(body)


async def read_parts(driver: Driver, response: httpx.Response) -> AsyncIterator[bytes]:
    """Give the parts of a body as they arrive.

    Raises:
        ProblemError: The body cannot be decompressed.
        httpx.TransportError: The connection broke.
    """
    try:
        async for part in driver.parts(response):
            yield part
    except httpx.DecodingError as error:
        raise not_headrace(response) from error


def decode_json(response: httpx.Response, text: bytes, of: type[Out]) -> Out:
    """Decode a text of an answer, its body or the data of one event.

    Raises:
        ProblemError: The text is not what this API sends.
    """
    try:
        return decode_payload(msgspec.json.Decoder(of), text)
    except msgspec.MsgspecError as error:
        raise not_headrace(response) from error


async def check_stream(driver: Driver, answer: httpx.Response) -> None:
    """Check that an answer whose body is not read yet is a stream of events.

    Raises:
        ProblemError: The API refused or failed, or the answer is no stream.
    """
    if not answer.is_success:
        (await read_answer(driver, answer)).check_status()
    if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
        raise not_headrace(answer)


def _problem(answer: httpx.Response, body: bytes) -> ProblemError:
    try:
        problem = decode_json(answer, body, Problem)
    except ProblemError as error:
        return error
    retry_after = answer.headers.get("Retry-After", "")
    return ProblemError(
        answer.status_code,
        problem.error_code,
        problem.message,
        problem.errors,
        problem.correlation_id,
        float(retry_after) if retry_after.isdecimal() else None,
    )


def not_headrace(answer: httpx.Response) -> ProblemError:
    """Return the error for an answer that does not come from this API."""
    status = f"{answer.status_code} {answer.reason_phrase}".strip()
    url = answer.url.copy_with(userinfo=b"")
    message = f"{url} answered {status}, and not as Headrace does; is this its address?"
    return ProblemError(answer.status_code, NOT_HEADRACE, message)
