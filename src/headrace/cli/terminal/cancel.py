"""`headrace cancel`: cancel tasks by their ids, every task of a selection, or a whole batch."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.api_errors import describe_problem
from headrace.cli.terminal.bulk import BulkChange
from headrace.cli.terminal.exits import EXIT_REFUSED
from headrace.cli.terminal.output import note, show
from headrace.cli.terminal.without_streams import views_of_batch
from headrace.client import Client, ProblemError
from headrace.contracts.batches import BatchState
from headrace.contracts.bulk import BulkResult


async def cancel_tasks(api: Api, tasks: Iterable[str]) -> int:
    """Cancel tasks by their ids; one that cannot be cancelled does not keep the others from it.

    Returns:
        The exit code: `EXIT_REFUSED` when one of them could not be cancelled.

    Raises:
        CommandFailed: The API failed, or cannot be reached.
    """
    async with open_client(api) as client:
        cancelled = [await _cancel_task(client, task) for task in tasks]
    return 0 if all(cancelled) else EXIT_REFUSED


async def _cancel_task(client: Client, task: str) -> bool:
    try:
        cancelled = await client.cancel(task)
    except ProblemError as problem:
        if problem.status >= 500:
            raise
        note(f"{task} {describe_problem(problem)}")
        return False
    show(f"{cancelled.id} {cancelled.state}")
    return True


class Cancellation(BulkChange):
    """Cancels every task of a selection that is not over."""

    verb = "cancel"
    past = "cancelled"

    def _results(self, client: Client, *, dry_run: bool) -> AsyncGenerator[BulkResult]:
        return client.cancel_all(self._select, dry_run=dry_run, per_second=self._per_second)


class BatchCancellation(BulkChange):
    """Cancels what is not over of a whole batch, also inputs that are not appended as tasks yet.

    The API accepts the cancellation at once, and the projector cancels task after task.
    """

    verb = "cancel"
    past = "cancelled"

    async def _results(self, client: Client, *, dry_run: bool) -> AsyncGenerator[BulkResult]:
        assert self._select.batch is not None
        batch = await client.get_batch(self._select.batch)
        left = 0 if batch.state == BatchState.SETTLED else batch.total - batch.counts.final
        if dry_run:
            yield BulkResult(matched=left, done=0, remaining=left, position=batch.position)
            return
        await client.cancel_batch(batch.id)
        async with aclosing(views_of_batch(client, batch.id)) as views:
            async for view in views:
                done = max(0, view.counts.cancelled - batch.counts.cancelled)
                yield BulkResult(matched=left, done=done, remaining=view.counts.open, position=view.position)
