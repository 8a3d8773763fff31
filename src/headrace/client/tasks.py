"""Tasks: submitted, read, followed, waited for, cancelled, run again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
from msgspec import Raw, Struct

from headrace.client.answers import ProblemError, TaskFailed
from headrace.client.connection import ANSWER_SECONDS, Call, Connection, given, path
from headrace.client.retries import Retries
from headrace.client.streams import StreamEvent, frames
from headrace.contracts.events import EventName
from headrace.contracts.tasks import Priority, State, Task, TaskSummary

POLL_SECONDS = 25.0  # the API waits for up to 60; some proxies give up on a silent request after 30
POLL_PAUSE_SECONDS = 0.2  # an API that is about to end does not wait

Input = Mapping[str, Any] | Struct | Raw


class Tasks(Connection):
    """What a client does with tasks."""

    async def submit(
        self,
        kind: str,
        input: Input,
        *,
        priority: Priority | None = None,
        run_at: datetime | None = None,
        delay: float | timedelta | None = None,
        expires_in: float | timedelta | None = None,
        max_attempts: int | None = None,
        key: str | None = None,
    ) -> TaskSummary:
        """Submit a task; it is accepted when this returns.

        With a ``key`` it is submitted once, however often it is sent: sent again, by this method when there is no answer or
        by a program that was started again, it gives the task that the first one made. A fresh UUID for each task will do
        for the former. Without a key, it is sent once.

        Args:
            kind: Its kind.
            input: What the kind's JSON Schema asks for.
            priority: The lane it waits in, normal by default.
            run_at: When it is due, with a time zone; now by default.
            delay: Seconds until it is due, instead of ``run_at``.
            expires_in: Seconds from now: not started by then, it fails as `expired`.
            max_attempts: Attempts in all, instead of what its kind says.
            key: 1 to 255 visible ASCII characters; it costs the API one more condition to check.

        Raises:
            ProblemError: it was refused; nothing was accepted.
            httpx.TransportError: no answer. Whether it was accepted is then not known; with a key, try again.
        """
        optional = given(
            priority=priority, run_at=run_at, delay=delay, expires_in=expires_in, max_attempts=max_attempts
        )
        body = {"kind": kind, "input": input, **optional}
        return await self._ask(
            Call(method="POST", path="/tasks", body=body, key=key, repeatable=key is not None), TaskSummary
        )

    async def get(self, task: str, wait: float = 0, at_least: str | None = None) -> Task:
        """A task, whole.

        Args:
            task: Its id.
            wait: Seconds to wait for its final state, at most 60.
            at_least: Wait until the API's view reflects this position, as of what was just changed.

        Raises:
            ProblemError: there is no such task, or the read model is away.
            httpx.TransportError: no answer.
        """
        params = given(wait=wait or None, at_least=at_least)
        return await self._ask(
            Call(method="GET", path=path("tasks", task), params=params, patience=wait + ANSWER_SECONDS), Task
        )

    async def result(self, task: str, timeout: float | None = None, at_least: str | None = None) -> Any:
        """Wait for a task's end and return its result; asks again when the API is away for a while.

        Args:
            task: Its id.
            timeout: Seconds to wait; for ever by default.
            at_least: Wait for an end after this position: that of `run_again`, for it was over before.

        Raises:
            TaskFailed: it failed, or was cancelled.
            TimeoutError: it goes on still.
            ProblemError: there is no such task, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: the API cannot be reached `ATTEMPTS_MAX` times in a row.
        """
        retries = Retries()
        async with asyncio.timeout(timeout):
            while True:
                try:
                    found = await self.get(task, wait=POLL_SECONDS, at_least=at_least)
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
        stream = frames(self._http, path("tasks", task, "events"), after or "", EventName.FINISHED)
        async with aclosing(stream) as found:
            async for frame in found:
                data = msgspec.json.decode(frame.data, type=dict[str, Any])
                yield StreamEvent(position=frame.last_event_id, event=frame.event, data=data)

    async def cancel(self, task: str) -> TaskSummary:
        """Cancel a task: final at once. One that is running is stopped; one that was cancelled before stays so.

        Args:
            task: Its id.

        Raises:
            ProblemError: there is no such task (`task_not_found`), or it ended otherwise (`task_finished`).
            httpx.TransportError: no answer.
        """
        return await self._ask(
            Call(method="PUT", path=path("tasks", task, "cancellation"), repeatable=True), TaskSummary
        )

    async def run_again(self, task: str) -> TaskSummary:
        """Run a task that is over again, under its id, from its first attempt.

        Args:
            task: Its id.

        Raises:
            ProblemError: there is no such task (`task_not_found`), or it is not over (`task_not_finished`).
            httpx.TransportError: no answer. Whether it runs again is then not known; `get` tells.
        """
        return await self._ask(Call(method="POST", path=path("tasks", task, "runs")), TaskSummary)
