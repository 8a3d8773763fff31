"""Headrace from Python: submit tasks, follow them, wait for their results.

    async with Client("http://127.0.0.1:8080") as client:
        task = await client.submit("word_count", {"text": "one two"})
        async for event in client.follow(task.id):
            print(event.event, event.data)
        print(await client.result(task.id))

Whatever the API refuses is a `ProblemError`; when it cannot be reached, that is an `httpx.TransportError`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from headrace.contracts.events import EventName
from headrace.contracts.kinds import CatalogEntry, KindList
from headrace.contracts.problems import FieldError, Problem
from headrace.contracts.tasks import Priority, State, Task, TaskSummary
from headrace.event_stream import EventStreamParser, Frame

__all__ = ["Client", "ProblemError", "StreamEvent", "TaskFailed"]

ANSWER_SECONDS = 10.0  # the API answers within milliseconds, and waits 5 s at most for the log or the read model
POLL_SECONDS = 25.0  # the API waits for up to 60; some proxies give up on a silent request after 30
POLL_PAUSE_SECONDS = 0.2  # an API that is about to end does not wait
SILENCE_SECONDS = 45.0  # three heartbeats of a stream missed: the connection is dead
RETRY_SECONDS = 1.0  # before a stream is opened again, until the server has said `retry:`
RETRY_SECONDS_MAX = 10.0
ATTEMPTS_MAX = 10  # in a row, so about a minute and a half, which is longer than a restart of the API takes

NOT_HEADRACE = "not_headrace"  # the error code of an answer that is not one of this API
RESET = "reset"  # the event that says that the log cannot continue after our position

# A proxy stands in the way of a server on this machine.
_NO_PROXY = {f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")}

Out = TypeVar("Out")


class ProblemError(Exception):
    """The API refused, or failed.

    Attributes:
        status: HTTP status.
        error_code: Stable, for programs; `NOT_HEADRACE` when the answer is not one of this API.
        message: What to do about it, for people.
        errors: What is wrong, path by path; empty when it is not about the input.
        correlation_id: Under which the server has logged it.
    """

    def __init__(
        self, status: int, error_code: str, message: str, errors: Iterable[FieldError] = (), correlation_id: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.errors = list(errors)
        self.correlation_id = correlation_id


class TaskFailed(Exception):
    """A task has no result: it failed or was cancelled. ``task`` is the task, whole."""

    def __init__(self, task: Task) -> None:
        super().__init__(task.error.message if task.error else f"task {task.id} was {task.state}")
        self.task = task


class StreamEvent(Struct, frozen=True, kw_only=True):
    """One event of a stream.

    Attributes:
        position: Where in the log it stands; `Client.follow` continues after it.
        event: An `EventName`, or `reset`.
        data: ``task kind batch at attempt`` and the event's own fields; of a `reset`, ``reason`` and ``position``.
    """

    position: str
    event: str
    data: dict[str, Any]


class Client:
    """The API of one Headrace.

    Args:
        url: Where the API is, as ``http://host:port``.
        transport: What sends the requests, instead of the network.
    """

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=f"{self.url}/api/v1",
            timeout=ANSWER_SECONDS,
            transport=transport,
            mounts=None if transport else _NO_PROXY,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def submit(
        self, kind: str, input: Mapping[str, Any] | Struct | msgspec.Raw, *, priority: Priority | None = None
    ) -> TaskSummary:
        """Submit a task; it is accepted when this returns.

        Args:
            kind: Its kind.
            input: What the kind's JSON Schema asks for.
            priority: The lane it waits in, normal by default.

        Raises:
            ProblemError: it was refused; nothing was accepted.
            httpx.TransportError: no answer. Whether it was accepted is then not known.
        """
        submission: dict[str, Any] = {"kind": kind, "input": input}
        if priority is not None:
            submission["priority"] = priority
        headers = {"Content-Type": "application/json"}
        answer = await self._http.post("/tasks", content=msgspec.json.encode(submission), headers=headers)
        return await _read(answer, TaskSummary)

    async def get(self, task: str, wait: float = 0) -> Task:
        """A task, whole.

        Args:
            task: Its id.
            wait: Seconds to wait for its final state, at most 60.

        Raises:
            ProblemError: there is no such task, or the read model is away.
            httpx.TransportError: no answer.
        """
        params = {"wait": wait} if wait else {}
        answer = await self._http.get(_path(task), params=params, timeout=wait + ANSWER_SECONDS)
        return await _read(answer, Task)

    async def result(self, task: str, timeout: float | None = None) -> Any:
        """Wait for a task's end and return its result; asks again when the API is away for a while.

        Args:
            task: Its id.
            timeout: Seconds to wait; for ever by default.

        Raises:
            TaskFailed: it failed, or was cancelled.
            TimeoutError: it goes on still.
            ProblemError: there is no such task, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: the API cannot be reached `ATTEMPTS_MAX` times in a row.
        """
        retries = _Retries()
        async with asyncio.timeout(timeout):
            while True:
                try:
                    found = await self.get(task, wait=POLL_SECONDS)
                except (httpx.TransportError, ProblemError) as error:
                    retries.count(error)
                    await retries.pause()
                    continue
                if found.state == State.SUCCEEDED:
                    return msgspec.json.decode(found.result)
                if found.state.final:
                    raise TaskFailed(found)
                retries.reset()
                await asyncio.sleep(POLL_PAUSE_SECONDS)

    async def follow(self, task: str, after: str | None = None) -> AsyncGenerator[StreamEvent]:
        """A task's events, each once and in order, to its end; resumes by itself when the connection is cut.

        Nothing comes when the task was over at ``after``, or is so old that its events have left the log. A `reset` says
        that events were missed (`Client.get` tells what became of the task); the stream goes on from there.

        Args:
            task: Its id.
            after: Continue after this position instead of beginning with the first event.

        Raises:
            ProblemError: there is no such task, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: the API cannot be reached `ATTEMPTS_MAX` times in a row.
        """
        cursor, over, retries = after or "", False, _Retries()
        while not over:
            try:
                async with self._http.stream(
                    "GET", f"{_path(task)}/events", headers=_stream_headers(cursor), timeout=_STREAM_TIMEOUT
                ) as answer:
                    if answer.status_code == 204:
                        return
                    await _check_stream(answer)
                    parser = EventStreamParser(cursor)
                    async for chunk in answer.aiter_bytes():
                        retries.reset()
                        for frame in parser.feed(chunk):
                            over = frame.event == EventName.FINISHED  # not the last one, of a task that was run again
                            yield _stream_event(frame)
                        cursor = parser.last_event_id
                        retries.asked_for(parser.retry)
            except (httpx.TransportError, ProblemError) as error:
                if not over:
                    retries.count(error)
            if not over:
                await retries.pause()

    async def kinds(self) -> list[CatalogEntry]:
        """The kinds of task that can be submitted, by name.

        Raises:
            ProblemError: the API refused.
            httpx.TransportError: no answer.
        """
        return (await _read(await self._http.get("/kinds"), KindList)).items


_STREAM_TIMEOUT = httpx.Timeout(ANSWER_SECONDS, read=SILENCE_SECONDS)


def _path(task: str) -> str:
    return f"/tasks/{quote(task, safe='')}"


async def _read(answer: httpx.Response, of: type[Out]) -> Out:
    if not answer.is_success:
        raise _problem(answer)
    try:
        return msgspec.json.decode(answer.content, type=of)
    except msgspec.MsgspecError as error:
        raise _not_headrace(answer) from error


async def _check_stream(answer: httpx.Response) -> None:
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
    return ProblemError(answer.status_code, problem.error_code, problem.message, problem.errors, problem.correlation_id)


def _not_headrace(answer: httpx.Response) -> ProblemError:
    said = f"{answer.status_code} {answer.reason_phrase}".strip()
    message = f"{answer.url} answered {said}, and not as Headrace does; is this its address?"
    return ProblemError(answer.status_code, NOT_HEADRACE, message)


def _stream_headers(cursor: str) -> dict[str, str]:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    return headers | {"Last-Event-ID": cursor} if cursor else headers


def _stream_event(frame: Frame) -> StreamEvent:
    data = msgspec.json.decode(frame.data, type=dict[str, Any])
    return StreamEvent(position=frame.last_event_id, event=frame.event, data=data)


class _Retries:
    """How often in a row something failed, and how long to wait before the next attempt."""

    def __init__(self) -> None:
        self._failures = 0
        self._least = RETRY_SECONDS

    def reset(self) -> None:
        self._failures = 0

    def asked_for(self, milliseconds: int | None) -> None:
        """Take what the server said in `retry:`."""
        if milliseconds is not None:
            self._least = milliseconds / 1000

    def count(self, error: httpx.TransportError | ProblemError) -> None:
        """Count a failure; raises it again when another attempt would be in vain."""
        self._failures += 1
        refused = isinstance(error, ProblemError) and error.status < 500
        if refused or self._failures == ATTEMPTS_MAX:
            raise error

    async def pause(self) -> None:
        """Wait what the server asked for, doubled with each failure, and up to half of it more, so that not all come at once."""
        doubled = min(self._least * 2 ** max(self._failures - 1, 0), RETRY_SECONDS_MAX)
        await asyncio.sleep(max(self._least, doubled) * random.uniform(1, 1.5))  # noqa: S311 - hides nothing
