"""What was submitted by a client that blocks, with the type of its result."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any, Generic, TypeVar

from headrace.client.blocking_driver import complete, iterate
from headrace.client.handles import BatchHandle, BatchOutcome, TaskHandle
from headrace.client.links import LINK_SECONDS
from headrace.client.streams import StreamEvent
from headrace.contracts.batches import Batch
from headrace.contracts.follow_links import FollowLink
from headrace.contracts.task_ref import TaskRef
from headrace.contracts.tasks import Task, TaskSummary

Out = TypeVar("Out")


class SyncTaskHandle(Generic[Out]):
    """A task whose result has a type, as `SyncClient.submit` returns it; each method is that of `TaskHandle`, and blocks.

    Args:
        handle: The handle over a driver that blocks.
    """

    def __init__(self, handle: TaskHandle[Out]) -> None:
        self._handle = handle

    def __repr__(self) -> str:
        return f"Sync{self._handle!r}"

    @property
    def id(self) -> str:
        """The id of the task."""
        return self._handle.id

    @property
    def kind(self) -> TaskRef[Any, Out]:
        """The kind of the task."""
        return self._handle.kind

    @property
    def accepted(self) -> TaskSummary | None:
        """The task as the API has accepted it; None of a handle that `SyncClient.handle` has made."""
        return self._handle.accepted

    def result(self, timeout: float | None = None) -> Out:
        """Wait until the task ends, and return its result; see `TaskHandle.result`."""
        return complete(self._handle.result(timeout))

    def ended(self, timeout: float | None = None) -> Task:
        """Wait until the task ends and return it, however it ended; see `Client.ended`."""
        return complete(self._handle.ended(timeout))

    def follow(self, after: str | None = None) -> Generator[StreamEvent]:
        """Give the events of the task to its end, each once and in order; see `Client.follow`."""
        return iterate(self._handle.follow(after))

    def get(self, wait: float = 0) -> Task:
        """Read the task as it is now, or up to ``wait`` seconds later when it is over; see `Client.get`."""
        return complete(self._handle.get(wait))

    def follow_link(self, expires_in: float | timedelta = LINK_SECONDS) -> FollowLink:
        """Make a link with which a browser follows the task, and does nothing else; see `Client.follow_link`."""
        return complete(self._handle.follow_link(expires_in))

    def cancel(self) -> TaskSummary:
        """Cancel the task; see `Client.cancel`."""
        return complete(self._handle.cancel())

    def run_again(self) -> TaskSummary:
        """Run the task again, which is over; `result` then waits for the end of that run. See `Client.run_again`."""
        return complete(self._handle.run_again())


class SyncBatchHandle(Generic[Out]):
    """A batch whose results have a type, as `SyncClient.batch` returns it; each method is that of `BatchHandle`, and blocks.

    Args:
        handle: The handle over a driver that blocks.
    """

    def __init__(self, handle: BatchHandle[Out]) -> None:
        self._handle = handle

    def __repr__(self) -> str:
        return f"Sync{self._handle!r}"

    @property
    def id(self) -> str:
        """The id of the batch."""
        return self._handle.id

    @property
    def kind(self) -> TaskRef[Any, Out]:
        """The kind of its tasks."""
        return self._handle.kind

    @property
    def accepted(self) -> Batch | None:
        """The batch as the API has accepted it; None of a handle that `SyncClient.batch_handle` has made."""
        return self._handle.accepted

    def settled(self, timeout: float | None = None) -> Batch:
        """Wait until all tasks of the batch are over, and return it; see `Client.settled`."""
        return complete(self._handle.settled(timeout))

    def results(self) -> Generator[BatchOutcome[Out]]:
        """Give what became of each task, in the order of the inputs; see `BatchHandle.results`."""
        return iterate(self._handle.results())

    def follow(self) -> Generator[Batch]:
        """Give the batch each time its counts have changed, until it settles; see `Client.follow_batch`."""
        return iterate(self._handle.follow())

    def get(self, wait: float = 0) -> Batch:
        """Read the batch as it is now, or up to ``wait`` seconds later when it is settled; see `Client.get_batch`."""
        return complete(self._handle.get(wait))

    def follow_link(self, expires_in: float | timedelta = LINK_SECONDS) -> FollowLink:
        """Make a link with which a browser follows the counts of the batch; see `Client.follow_batch_link`."""
        return complete(self._handle.follow_link(expires_in))

    def cancel(self) -> Batch:
        """Cancel every task of the batch that is not over; see `Client.cancel_batch`."""
        return complete(self._handle.cancel())
