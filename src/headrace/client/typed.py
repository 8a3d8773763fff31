"""Submit tasks of a kind, with the types of its input and of its result, or by the name of a kind, without."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any, TypeVar, Unpack, overload

from msgspec import Struct

from headrace.client.answers import UnusableRequest
from headrace.client.batches import Batches, BatchOptions
from headrace.client.handles import BatchHandle, TaskHandle
from headrace.client.ndjson import one_by_one
from headrace.client.tasks import Input, SubmitOptions, Tasks
from headrace.contracts.batches import Batch
from headrace.contracts.task_ref import TaskRef
from headrace.contracts.tasks import TaskSummary

In = TypeVar("In", bound=Struct)
Out = TypeVar("Out")

Inputs = Iterable[Input] | AsyncIterable[Input]


class Typed(Tasks, Batches):
    """The part of `Client` that submits."""

    @overload
    async def submit(self, kind: str, input: Input, **options: Unpack[SubmitOptions]) -> TaskSummary: ...

    @overload
    async def submit(self, kind: TaskRef[In, Out], input: In, **options: Unpack[SubmitOptions]) -> TaskHandle[Out]: ...

    async def submit(
        self, kind: TaskRef[Any, Any] | str, input: Input, **options: Unpack[SubmitOptions]
    ) -> TaskHandle[Any] | TaskSummary:
        """Submit a task; it is accepted when this returns.

        With a ``key`` the task is made once, however often it is submitted: by this method, which repeats the request when
        there is no answer, or by a program that was started again. Every submission returns the task of the first one. For
        the repeats of this method alone, a fresh UUID is a good key. Without a key only a limit makes it repeat the request.

        Args:
            kind: The kind of the task, as a decorated handler or a `TaskRef`, or its name.
            input: The input: what the kind takes, or of a name what the kind's JSON Schema asks for.
            options: The fields of `SubmitOptions`: when it runs, how often it is tried, what it is called by, and its ``key``.

        Returns:
            A handle, which returns the result with its type; of a kind that was named, the task as it was accepted.

        Raises:
            UnusableRequest: The input is not of the type that the kind takes.
            ProblemError: The API refused, and nothing was accepted.
            httpx.TransportError: The API does not answer, and may have accepted the task. With a key, try again.
        """
        if isinstance(kind, str):
            return await self._submit(kind, input, options)
        accepted = await self._submit(kind.name, _checked(kind, input), options)
        return TaskHandle(self, kind, accepted.id, accepted)

    @overload
    async def batch(
        self, kind: str, inputs: Inputs | None = None, *, entries: Inputs | None = None, **options: Unpack[BatchOptions]
    ) -> Batch: ...

    @overload
    async def batch(
        self, kind: TaskRef[In, Out], inputs: Iterable[In] | AsyncIterable[In], **options: Unpack[BatchOptions]
    ) -> BatchHandle[Out]: ...

    async def batch(
        self,
        kind: TaskRef[Any, Any] | str,
        inputs: Iterable[Any] | AsyncIterable[Any] | None = None,
        *,
        entries: Inputs | None = None,
        **options: Unpack[BatchOptions],
    ) -> BatchHandle[Any] | Batch:
        """Submit many tasks of one kind: all of them, or none when one input is wrong.

        Inputs are sent as they come and are never in memory together. With a ``key`` the batch is made once, as by
        `Client.submit`; its inputs are kept in a file until then, so that the request can be repeated.

        Args:
            kind: The kind of every task, as a decorated handler or a `TaskRef`, or its name.
            inputs: One input for each task: what the kind takes, or of a name what the kind's JSON Schema asks for.
            entries: Instead of inputs, of a kind that is named: a `headrace.contracts.batches.BatchEntry` for each task, or JSON
                like it, which has an ``input`` and ``labels`` of its own. Where both have a label, that of the entry counts.
            options: The fields of `BatchOptions`: what it and its tasks are called by, how often they are tried, and its ``key``.

        Returns:
            A handle, which returns the results with their type; of a kind that was named, the batch as it was accepted.

        Raises:
            UnusableRequest: There are both inputs and entries, or neither, or an input is not of the type that the kind takes.
            ProblemError: The API refused, and nothing was accepted. ``errors`` name wrong inputs as ``/inputs/<index>``, or
                entries as ``/entries/<index>``.
            httpx.TransportError: The API does not answer, and may have accepted the batch. With a key, try again.
        """
        if isinstance(kind, str):
            return await self._batch(kind, inputs, entries, options)
        checked = None if inputs is None else _each_checked(kind, inputs)
        accepted = await self._batch(kind.name, checked, entries, options)
        return BatchHandle(self, kind, accepted.id, accepted)

    def handle(self, kind: TaskRef[Any, Out], task: str) -> TaskHandle[Out]:
        """Return the handle of a task that was submitted before, also by another program. Nothing is asked for.

        Args:
            kind: The kind of the task.
            task: Its id.
        """
        return TaskHandle(self, kind, task)

    def batch_handle(self, kind: TaskRef[Any, Out], batch: str) -> BatchHandle[Out]:
        """Return the handle of a batch that was submitted before, also by another program. Nothing is asked for.

        Args:
            kind: The kind of its tasks.
            batch: Its id.
        """
        return BatchHandle(self, kind, batch)


def _checked(kind: TaskRef[In, Any], input: In, place: str = "") -> In:
    if not kind.accepts(input):
        raise UnusableRequest(
            f"{kind.name} takes {kind.input_type.__name__}, and {place or 'its input'} is {type(input).__name__}: "
            f"make one, or submit by name: {kind.name!r}"
        )
    return input


async def _each_checked(kind: TaskRef[In, Any], inputs: Iterable[In] | AsyncIterable[In]) -> AsyncIterator[In]:
    index = 0
    async for each in one_by_one(inputs):
        yield _checked(kind, each, f"input {index}")
        index += 1
