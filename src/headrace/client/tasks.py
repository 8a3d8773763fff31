"""Submit, read, follow, wait for, cancel and run again tasks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any, TypedDict

import msgspec
from msgspec import Raw, Struct

from headrace.client.answers import TaskFailed
from headrace.client.connection import ANSWER_SECONDS, Call, Connection, given, path
from headrace.client.files import Files
from headrace.client.links import LINK_SECONDS, link_call
from headrace.client.polling import POLL_SECONDS, read_until
from headrace.client.streams import RESET, FrameStream, StreamEvent
from headrace.contracts.events import EventName
from headrace.contracts.follow_links import FollowLink
from headrace.contracts.large_values import find_value
from headrace.contracts.tasks import NULL, FileRole, Priority, State, Task, TaskSummary

RESULTS_SECONDS = 120.0  # the API writes those of 100,000 tasks in a minute

_EVENTS = frozenset({*EventName, RESET})

Input = Mapping[str, Any] | Struct | Raw


class SubmitOptions(TypedDict, total=False):
    """What a submission may say besides its kind and its input.

    Attributes:
        priority: The lane the task waits in, normal by default.
        run_at: When it is due, with a time zone; now by default.
        delay: Seconds until it is due, instead of ``run_at``.
        expires_in: Seconds from now. A task that is not started by then fails as `expired`.
        max_attempts: Attempts in all; the kind's own number by default.
        labels: What you call it by, to find it again; see `headrace.contracts.labels.Labels`.
        key: The Idempotency-Key: visible ASCII characters, at most `headrace.contracts.tasks.KEY_CHARS_MAX`.
        results_of: A settled batch. Its results are written to a file, which becomes the field `results` of the input.
    """

    priority: Priority | None
    run_at: datetime | None
    delay: float | timedelta | None
    expires_in: float | timedelta | None
    max_attempts: int | None
    labels: Mapping[str, str] | None
    key: str | None
    results_of: str | None


class Tasks(Connection):
    """The part of `Client` for tasks."""

    async def _submit(self, kind: str, input: Input, options: SubmitOptions) -> TaskSummary:
        said = given(**options)
        key, labels = said.pop("key", None), said.pop("labels", None)
        body = {"kind": kind, "input": input, **said, **given(labels=labels or None)}
        patience = ANSWER_SECONDS if "results_of" not in said else RESULTS_SECONDS
        return await self._ask(_submission(body, key, patience), TaskSummary)

    async def get(self, task: str, wait: float = 0, at_least: str | None = None) -> Task:
        """Read a whole task, with its input and its result.

        Args:
            task: Its id.
            wait: Seconds to wait for its final state, at most 60.
            at_least: Wait until the API's view reflects this position, for example that of a change just made.

        Raises:
            ProblemError: There is no such task, or the read model is not available.
            httpx.TransportError: The API does not answer.
        """
        return await self._read(Task, "tasks", task, wait=wait, at_least=at_least)

    async def result(self, task: str, timeout: float | None = None, at_least: str | None = None) -> Any:
        """Wait until a task ends and return its result; see `ended`.

        Args:
            task: Its id.
            timeout: Seconds to wait; for ever by default.
            at_least: Wait for an end after this position. Pass that of `run_again`, because the task was over before.

        Raises:
            TaskFailed: The task failed or was cancelled.
            TimeoutError: The task is not over after ``timeout``.
            ProblemError: There is no such task, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: The API cannot be reached `ATTEMPTS_MAX` times in a row.
        """
        return msgspec.json.decode(await self.raw_result(task, timeout, at_least))

    async def raw_result(self, task: str, timeout: float | None = None, at_least: str | None = None) -> Raw:
        """Wait until a task ends and return its result as JSON. The arguments and errors are those of `result`."""
        found = await self.ended(task, timeout, at_least)
        if found.state != State.SUCCEEDED:
            raise TaskFailed(found)
        return await self.read_result(found)

    async def read_result(self, task: Task) -> Raw:
        """Return the result of a task that was read, as JSON; one of more than 8 MB is downloaded, because `get` leaves it out.

        Raises:
            ProblemError: The API refused, or the bytes are not those of the result.
            httpx.TransportError: The API or the store did not answer `ATTEMPTS_MAX` times in a row.
        """
        stored = find_value(task.files, FileRole.RESULT)
        if stored is None or task.result != NULL:
            return task.result
        return Raw(await Files(self).download(stored.file))

    async def ended(self, task: str, timeout: float | None = None, at_least: str | None = None) -> Task:
        """Wait until a task ends and return it, however it ended; asks again when the API is not available for a while.

        Args:
            task: Its id.
            timeout: Seconds to wait; for ever by default.
            at_least: Wait for an end after this position. Pass that of `run_again`, because the task was over before.

        Raises:
            TimeoutError: The task is not over after ``timeout``.
            ProblemError: There is no such task, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: The API cannot be reached `ATTEMPTS_MAX` times in a row.
        """

        async def read() -> Task:
            return await self.get(task, wait=POLL_SECONDS, at_least=at_least)

        return await read_until(self, read, lambda found: found.state.final, timeout, f"task {task} is over")

    async def follow(self, task: str, after: str | None = None) -> AsyncGenerator[StreamEvent]:
        """Give a task's events to its end, each once and in order; a connection that is cut is resumed.

        Nothing comes when the task was over at ``after``, or is so old that its events have left the log. A `reset` says
        that events were missed, and the stream goes on from there; `Client.get` returns the task's present state.

        Args:
            task: Its id.
            after: Continue after this position instead of beginning with the first event.

        Raises:
            ProblemError: There is no such task, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: The API cannot be reached `ATTEMPTS_MAX` times in a row.
        """
        stream = FrameStream(self.driver, path("tasks", task, "events"), after or "", EventName.FINISHED, _EVENTS)
        async with aclosing(stream.frames()) as frames:
            async for frame in frames:
                data = stream.decode(frame, dict[str, Any])
                yield StreamEvent(position=frame.last_event_id, event=frame.event, data=data)

    async def cancel(self, task: str) -> TaskSummary:
        """Cancel a task. It is final at once; a running one is stopped, and one that is cancelled already stays as it is.

        Args:
            task: Its id.

        Raises:
            ProblemError: There is no such task (`task_not_found`), or it ended otherwise (`task_finished`).
            httpx.TransportError: The API does not answer.
        """
        return await self._ask(
            Call(method="PUT", path=path("tasks", task, "cancellation"), repeatable=True), TaskSummary
        )

    async def run_again(self, task: str) -> TaskSummary:
        """Run a task that is over again, under the same id, from its first attempt.

        Args:
            task: Its id.

        Raises:
            ProblemError: There is no such task (`task_not_found`), or it is not over (`task_not_finished`).
            httpx.TransportError: The API does not answer, and may run the task again; `get` shows whether it does.
        """
        return await self._ask(Call(method="POST", path=path("tasks", task, "runs")), TaskSummary)

    async def follow_link(self, task: str, expires_in: float | timedelta = LINK_SECONDS) -> FollowLink:
        """Make a link with which a browser follows a task, and does nothing else. It needs no key, and is for whoever has it.

        Args:
            task: Its id.
            expires_in: Seconds until the link expires, at most a day.

        Raises:
            ProblemError: There is no such task (`task_not_found`), or the API makes no links (`follow_links_off`).
            httpx.TransportError: The API does not answer.
        """
        return await self._ask(link_call("tasks", task, expires_in), FollowLink)


def _submission(body: Mapping[str, Any], key: str | None, patience: float) -> Call:
    return Call(method="POST", path="/tasks", body=body, key=key, patience=patience, repeatable=key is not None)
