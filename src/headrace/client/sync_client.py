"""Headrace from programs without an event loop, as those of Django and Flask."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

import httpx
from msgspec import Struct

from headrace.client.accounts import Accounts
from headrace.client.address import open_blocking_http
from headrace.client.batches import Batches, BatchOptions
from headrace.client.blocking_driver import BlockingDriver, complete
from headrace.client.connection import ANSWER_SECONDS
from headrace.client.files import Files
from headrace.client.kinds import Kinds
from headrace.client.lists import Lists
from headrace.client.operations import Operations
from headrace.client.schedules import Schedules
from headrace.client.selections import Selections
from headrace.client.sync_handles import SyncBatchHandle, SyncTaskHandle
from headrace.client.sync_methods import blocking, blocking_each
from headrace.client.task_details import TaskDetails
from headrace.client.tasks import Input, SubmitOptions, Tasks
from headrace.contracts.batches import Batch
from headrace.contracts.task_ref import TaskRef
from headrace.contracts.tasks import TaskSummary

In = TypeVar("In", bound=Struct)
Out = TypeVar("Out")


class SyncFiles:
    """The files of the owner of a key, as `SyncClient.files`; each method is that of `Client.files`, and blocks.

    Args:
        operations: The files over a driver that blocks.
    """

    def __init__(self, operations: Files) -> None:
        self.operations = operations

    upload = blocking(Files.upload)
    download = blocking(Files.download)
    get = blocking(Files.get)
    delete = blocking(Files.delete)
    list = blocking_each(Files.list)


class SyncClient:
    """The API of one Headrace, for programs without an event loop. Each method is that of `headrace.client.Client`, and blocks.

    A generator, as `follow` returns it, is closed when its loop ends, or by `contextlib.closing` when the loop is left before.
    Threads may share a client. A process that forks makes it after the fork.

    Args:
        url: Where the API is, as ``http://host:port``.
        key: The API key that each request is sent with. It is sent to this address only, and shown in no error.
        transport: Sends the requests; the network by default.

    Attributes:
        url: Where the API is, without a password.

    Raises:
        UnusableRequest: The address is none, the key cannot be sent there, or the environment names a proxy or certificates
            that cannot be used.
    """

    def __init__(self, url: str, *, key: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        self.operations = Operations(url, BlockingDriver(open_blocking_http(url, ANSWER_SECONDS, transport, key=key)))
        self.url = self.operations.url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection, and end the pauses of other threads."""
        complete(self.operations.driver.close())

    @cached_property
    def files(self) -> SyncFiles:
        """The files of the owner of the key."""
        return SyncFiles(self.operations.files)

    @overload
    def submit(self, kind: str, input: Input, **options: Unpack[SubmitOptions]) -> TaskSummary: ...

    @overload
    def submit(self, kind: TaskRef[In, Out], input: In, **options: Unpack[SubmitOptions]) -> SyncTaskHandle[Out]: ...

    def submit(
        self, kind: TaskRef[Any, Any] | str, input: Any, **options: Unpack[SubmitOptions]
    ) -> SyncTaskHandle[Any] | TaskSummary:
        """Submit a task; it is accepted when this returns. See `Client.submit`."""
        if isinstance(kind, str):
            return complete(self.operations.submit(kind, input, **options))
        return SyncTaskHandle(complete(self.operations.submit(kind, input, **options)))

    @overload
    def batch(
        self,
        kind: str,
        inputs: Iterable[Input] | None = None,
        *,
        entries: Iterable[Input] | None = None,
        **options: Unpack[BatchOptions],
    ) -> Batch: ...

    @overload
    def batch(
        self, kind: TaskRef[In, Out], inputs: Iterable[In], **options: Unpack[BatchOptions]
    ) -> SyncBatchHandle[Out]: ...

    def batch(
        self,
        kind: TaskRef[Any, Any] | str,
        inputs: Any = None,
        *,
        entries: Iterable[Input] | None = None,
        **options: Unpack[BatchOptions],
    ) -> SyncBatchHandle[Any] | Batch:
        """Submit many tasks of one kind: all of them, or none when one input is wrong. See `Client.batch`."""
        if isinstance(kind, str):
            return complete(self.operations.batch(kind, inputs, entries=entries, **options))
        return SyncBatchHandle(complete(self.operations.batch(kind, inputs, **options)))

    def handle(self, kind: TaskRef[Any, Out], task: str) -> SyncTaskHandle[Out]:
        """Return the handle of a task that was submitted before; see `Client.handle`."""
        return SyncTaskHandle(self.operations.handle(kind, task))

    def batch_handle(self, kind: TaskRef[Any, Out], batch: str) -> SyncBatchHandle[Out]:
        """Return the handle of a batch that was submitted before; see `Client.batch_handle`."""
        return SyncBatchHandle(self.operations.batch_handle(kind, batch))

    get = blocking(Tasks.get)
    result = blocking(Tasks.result)
    raw_result = blocking(Tasks.raw_result)
    read_result = blocking(Tasks.read_result)
    ended = blocking(Tasks.ended)
    follow = blocking_each(Tasks.follow)
    cancel = blocking(Tasks.cancel)
    run_again = blocking(Tasks.run_again)
    follow_link = blocking(Tasks.follow_link)

    attempts = blocking(TaskDetails.attempts)
    waiting = blocking(TaskDetails.waiting)
    log = blocking(TaskDetails.log)
    output = blocking(TaskDetails.output)

    list = blocking_each(Lists.list)
    pages = blocking_each(Lists.pages)
    cancel_all = blocking_each(Selections.cancel_all)
    run_all = blocking_each(Selections.run_all)

    batch_of_files = blocking(Batches.batch_of_files)
    batch_results = blocking_each(Batches.batch_results)
    get_batch = blocking(Batches.get_batch)
    settled = blocking(Batches.settled)
    follow_batch = blocking_each(Batches.follow_batch)
    cancel_batch = blocking(Batches.cancel_batch)
    follow_batch_link = blocking(Batches.follow_batch_link)

    schedules = blocking(Schedules.schedules)
    get_schedule = blocking(Schedules.get_schedule)
    create_schedule = blocking(Schedules.create_schedule)
    update_schedule = blocking(Schedules.update_schedule)
    pause_schedule = blocking(Schedules.pause_schedule)
    resume_schedule = blocking(Schedules.resume_schedule)
    delete_schedule = blocking(Schedules.delete_schedule)
    run_schedule = blocking(Schedules.run_schedule)

    kinds = blocking(Kinds.kinds)
    pause = blocking(Kinds.pause)
    resume = blocking(Kinds.resume)
    who_am_i = blocking(Accounts.who_am_i)
