"""What was submitted, with the type of its result."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from headrace.client.answers import UnexpectedResult
from headrace.client.batches import Batches
from headrace.client.files import Files
from headrace.client.links import LINK_SECONDS
from headrace.client.streams import StreamEvent
from headrace.client.tasks import Tasks
from headrace.contracts.batch_results import BatchResult
from headrace.contracts.batches import Batch
from headrace.contracts.follow_links import FollowLink
from headrace.contracts.task_ref import TaskRef
from headrace.contracts.tasks import State, Task, TaskError, TaskSummary

Out = TypeVar("Out")


class TaskHandle(Generic[Out]):
    """A task whose result has a type, as `Client.submit` and `Client.handle` return it.

    Args:
        client: The client.
        kind: The kind of the task.
        task: The id of the task.
        accepted: The task as the API has accepted it, when this program has submitted it.

    Attributes:
        kind: The kind of the task.
        id: The id of the task. Keep it to make a handle again, with `Client.handle`.
        accepted: The task as the API has accepted it; None of a handle that `Client.handle` has made.
    """

    def __init__(self, client: Tasks, kind: TaskRef[Any, Out], task: str, accepted: TaskSummary | None = None) -> None:
        self.kind = kind
        self.id = task
        self.accepted = accepted
        self._client = client
        # The end of an earlier run is none of the present one.
        self._since: str | None = None

    def __repr__(self) -> str:
        return f"TaskHandle({self.kind.name!r}, {self.id!r})"

    async def result(self, timeout: float | None = None) -> Out:
        """Wait until the task ends, and return its result.

        Args:
            timeout: Seconds to wait; for ever by default.

        Raises:
            TaskFailed: The task failed or was cancelled.
            UnexpectedResult: The result is not what the kind is said to return.
            TimeoutError: The task is not over after ``timeout``.
            ProblemError: There is no such task, or the API fails `ATTEMPTS_MAX` times in a row.
            httpx.TransportError: The API cannot be reached `ATTEMPTS_MAX` times in a row.
        """
        return _decode(self.kind, self.id, await self._client.raw_result(self.id, timeout, self._since))

    async def ended(self, timeout: float | None = None) -> Task:
        """Wait until the task ends and return it, however it ended; see `Client.ended`."""
        return await self._client.ended(self.id, timeout, self._since)

    async def follow(self, after: str | None = None) -> AsyncGenerator[StreamEvent]:
        """Give the events of the task to its end, each once and in order; see `Client.follow`."""
        async with aclosing(self._client.follow(self.id, after)) as events:
            async for event in events:
                yield event

    async def get(self, wait: float = 0) -> Task:
        """Read the task as it is now, or up to ``wait`` seconds later when it is over; see `Client.get`."""
        return await self._client.get(self.id, wait, self._since)

    async def follow_link(self, expires_in: float | timedelta = LINK_SECONDS) -> FollowLink:
        """Make a link with which a browser follows the task, and does nothing else; see `Client.follow_link`."""
        return await self._client.follow_link(self.id, expires_in)

    async def cancel(self) -> TaskSummary:
        """Cancel the task; see `Client.cancel`."""
        return await self._client.cancel(self.id)

    async def run_again(self) -> TaskSummary:
        """Run the task again, which is over; `result` then waits for the end of that run. See `Client.run_again`."""
        accepted = await self._client.run_again(self.id)
        self._since = accepted.position
        return accepted


class BatchOutcome(Struct, Generic[Out], frozen=True, kw_only=True):
    """What became of one task of a batch.

    Attributes:
        index: The place of its input in the batch.
        task: The id of the task.
        state: Its state.
        result: Its result; None until it has succeeded.
        error: Why it failed; None unless it did.
        details: Everything else that is known of it.
    """

    index: int
    task: str
    state: State
    result: Out | None
    error: TaskError | None
    details: BatchResult


class BatchHandle(Generic[Out]):
    """A batch whose results have a type, as `Client.batch` and `Client.batch_handle` return it.

    Args:
        client: The client.
        kind: The kind of its tasks.
        batch: The id of the batch.
        accepted: The batch as the API has accepted it, when this program has submitted it.

    Attributes:
        kind: The kind of its tasks.
        id: The id of the batch. Keep it to make a handle again, with `Client.batch_handle`.
        accepted: The batch as the API has accepted it; None of a handle that `Client.batch_handle` has made.
    """

    def __init__(self, client: Batches, kind: TaskRef[Any, Out], batch: str, accepted: Batch | None = None) -> None:
        self.kind = kind
        self.id = batch
        self.accepted = accepted
        self._client = client

    def __repr__(self) -> str:
        return f"BatchHandle({self.kind.name!r}, {self.id!r})"

    async def settled(self, timeout: float | None = None) -> Batch:
        """Wait until all tasks of the batch are over, and return it; see `Client.settled`."""
        return await self._client.settled(self.id, timeout)

    async def results(self) -> AsyncGenerator[BatchOutcome[Out]]:
        """Give what became of each task, in the order of the inputs; see `Client.batch_results`.

        Tasks that are not over are as they are now, so wait until the batch is `settled` before.

        Raises:
            UnexpectedResult: A result is not what the kind is said to return.
            ProblemError: There is no such batch, or the read model is not available.
            httpx.TransportError: The API does not answer, or the answer has broken off.
        """
        async with aclosing(self._client.batch_results(self.id)) as lines:
            async for line in lines:
                yield await self._outcome(line)

    async def follow(self) -> AsyncGenerator[Batch]:
        """Give the batch each time its counts have changed, until it settles; see `Client.follow_batch`."""
        async with aclosing(self._client.follow_batch(self.id)) as views:
            async for view in views:
                yield view

    async def get(self, wait: float = 0) -> Batch:
        """Read the batch as it is now, or up to ``wait`` seconds later when it is settled; see `Client.get_batch`."""
        return await self._client.get_batch(self.id, wait)

    async def follow_link(self, expires_in: float | timedelta = LINK_SECONDS) -> FollowLink:
        """Make a link with which a browser follows the counts of the batch; see `Client.follow_batch_link`."""
        return await self._client.follow_batch_link(self.id, expires_in)

    async def cancel(self) -> Batch:
        """Cancel every task of the batch that is not over; see `Client.cancel_batch`."""
        return await self._client.cancel_batch(self.id)

    async def _outcome(self, line: BatchResult) -> BatchOutcome[Out]:
        result = None
        if line.state == State.SUCCEEDED:
            raw = line.result
            if line.result_file is not None:
                raw = Raw(await Files(self._client).download(line.result_file))
            result = _decode(self.kind, line.task, raw)
        return BatchOutcome(
            index=line.index, task=line.task, state=line.state, result=result, error=line.error, details=line
        )


def _decode(kind: TaskRef[Any, Out], task: str, raw: Raw) -> Out:
    try:
        return kind.decode_result(raw)
    except msgspec.MsgspecError as error:
        raise UnexpectedResult(
            task,
            raw,
            f"the result of task {task} is not what {kind.name} is said to return ({error}): let this program and the workers have "
            "the same version of the kind; `Client.result` returns it whatever it is",
        ) from error
