"""`headrace cancel` and `headrace replay`: something done to many tasks, counted first and confirmed."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import datetime

import click

from headrace.cli.terminal.calling import explaining, readable
from headrace.cli.terminal.counting import counter_for
from headrace.cli.terminal.stopped import EXIT_REFUSED, run
from headrace.client import Client, ProblemError
from headrace.contracts.batches import BatchState
from headrace.contracts.tasks import BulkResult, Selection


class Undertaking:
    """What is to be done to the tasks of a selection.

    Attributes:
        verb: As in "``verb`` 5 tasks?".
        done: As in "5 tasks ``done``".
    """

    verb: str
    done: str

    def __init__(self, url: str, select: Selection, per_second: float) -> None:
        self.matched = 0
        self._url = url
        self._select = select
        self._per_second = per_second

    async def count(self) -> None:
        """See how many tasks there are, and say so.

        Raises:
            Stopped: it was refused, or the API cannot be reached.
        """
        with explaining(self._url):
            async with Client(self._url) as client, aclosing(self._begin(client, dry_run=True)) as found:
                async for totals in found:
                    self.matched = totals.matched
        click.echo(f"{_tasks(self.matched)} {'matches' if self.matched == 1 else 'match'}", err=True)

    async def do(self) -> None:
        """Do it, showing how far it is.

        Raises:
            Stopped: as above.
        """
        done = 0
        try:
            with explaining(self._url), counter_for(self.verb, self.matched) as counter:
                async with Client(self._url) as client, aclosing(self._begin(client, dry_run=False)) as found:
                    async for totals in found:
                        done = totals.done
                        counter.show(done, self.done)
        except BaseException:
            click.echo(f"{_tasks(done)} {self.done} when this stopped. {self._rest()}", err=True)
            raise
        click.echo(f"{_tasks(done)} {self.done}")

    def _begin(self, client: Client, *, dry_run: bool) -> AsyncGenerator[BulkResult]:
        raise NotImplementedError

    def _rest(self) -> str:
        """How to go on after an interrupt."""
        return "The same command does the rest"


class Cancellation(Undertaking):
    """Cancels tasks."""

    verb = "cancel"
    done = "cancelled"

    def _begin(self, client: Client, *, dry_run: bool) -> AsyncGenerator[BulkResult]:
        return client.cancel_all(self._select, dry_run=dry_run, per_second=self._per_second)


class BatchCancellation(Undertaking):
    """Cancels what is not over of a whole batch, also what has not become a task yet; the projector sees to it."""

    verb = "cancel"
    done = "cancelled"

    async def _begin(self, client: Client, *, dry_run: bool) -> AsyncGenerator[BulkResult]:
        assert self._select.batch is not None
        batch = await client.get_batch(self._select.batch)
        left = 0 if batch.state == BatchState.SETTLED else batch.total - batch.counts.final
        if dry_run:
            yield BulkResult(matched=left, done=0, remaining=left, position=batch.position)
            return
        await client.cancel_batch(batch.id)
        async with aclosing(client.follow_batch(batch.id)) as found:
            async for now in found:
                done = max(0, now.counts.cancelled - batch.counts.cancelled)
                yield BulkResult(matched=left, done=done, remaining=now.counts.open, position=now.position)


class Replay(Undertaking):
    """Runs failed tasks again."""

    verb = "run again"
    done = "queued again"

    def _begin(self, client: Client, *, dry_run: bool) -> AsyncGenerator[BulkResult]:
        return client.run_all(self._select, dry_run=dry_run, per_second=self._per_second)

    def _rest(self) -> str:
        until = self._select.finished_before or datetime.now().astimezone()
        return f"For the rest, and nothing twice: the same command with --until {until.isoformat()}"


def carry_out(undertaking: Undertaking, *, dry_run: bool, yes: bool) -> int:
    """Count, ask on a terminal unless ``yes``, and do it unless it is a ``dry_run``.

    Returns:
        The exit code.
    """
    code = run(undertaking.count())
    if code or dry_run or not undertaking.matched:
        return code
    question = f"{undertaking.verb} {_tasks(undertaking.matched)}?"
    if not yes and sys.stdin.isatty() and not click.confirm(question, err=True):
        click.echo("nothing was done", err=True)
        return EXIT_REFUSED
    return run(undertaking.do())


async def cancel_each(url: str, tasks: Iterable[str]) -> int:
    """Cancel tasks by their ids, each whatever became of the others.

    Returns:
        The exit code.

    Raises:
        Stopped: the API cannot be reached.
    """
    code = 0
    with explaining(url):
        async with Client(url) as client:
            for task in tasks:
                try:
                    cancelled = await client.cancel(task)
                except ProblemError as problem:
                    if problem.status >= 500:
                        raise
                    click.echo(f"{task} {readable(problem)}", err=True)
                    code = EXIT_REFUSED
                else:
                    click.echo(f"{cancelled.id} {cancelled.state}")
    return code


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count:,} tasks"
