"""Change many tasks at once: count them, ask for confirmation, then change them and show how many are done."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import click

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.count_display import CountDisplay, count_display_for
from headrace.cli.terminal.exits import EXIT_REFUSED, run_command
from headrace.cli.terminal.output import is_asked, note, show
from headrace.client import Client
from headrace.contracts.bulk import BulkResult
from headrace.contracts.filters import Filter


class BulkChange:
    """A change to every task of a selection.

    Attributes:
        verb: The change, as in "``verb`` 5 tasks?".
        past: The change when it is made, as in "5 tasks ``past``".
        matched: How many tasks `count` found.
    """

    verb: str
    past: str

    def __init__(self, api: Api, select: Filter, per_second: float) -> None:
        self.matched = 0
        self._changed = 0
        self._api = api
        self._select = select
        self._per_second = per_second

    async def count(self) -> None:
        """Count the tasks of the selection, and print how many match.

        Raises:
            CommandFailed: The API refused, or cannot be reached.
        """
        async with open_client(self._api) as client, aclosing(self._results(client, dry_run=True)) as results:
            async for result in results:
                self.matched = result.matched
        note(f"{_tasks(self.matched)} {'matches' if self.matched == 1 else 'match'}")

    async def apply(self) -> None:
        """Change the tasks and show how many are done; when that stops early, print how to do the rest.

        Raises:
            CommandFailed: The API refused, or cannot be reached.
        """
        try:
            with count_display_for(self.verb, self.matched) as display:
                await self._change_all(display)
        except BaseException:
            note(f"{_tasks(self._changed)} {self.past} when this stopped. {self._how_to_continue()}")
            raise
        show(f"{_tasks(self._changed)} {self.past}")

    async def _change_all(self, display: CountDisplay) -> None:
        async with open_client(self._api) as client, aclosing(self._results(client, dry_run=False)) as results:
            async for result in results:
                self._changed = result.done
                display.show(result.done, self.past)

    def _results(self, client: Client, *, dry_run: bool) -> AsyncGenerator[BulkResult]:
        """Make the change, or only count with ``dry_run``; gives the totals so far, again and again."""
        # The cancellation and the replay each call an endpoint of their own.
        raise NotImplementedError

    def _how_to_continue(self) -> str:
        return "The same command does the rest"


def run_bulk_change(change: BulkChange, *, dry_run: bool, yes: bool) -> int:
    """Count the tasks, ask on a terminal unless ``yes``, and change them unless ``dry_run``.

    Returns:
        The exit code.
    """
    code = run_command(change.count())
    if code or dry_run or not change.matched:
        return code
    question = f"{change.verb} {_tasks(change.matched)}?"
    if not yes and is_asked() and not click.confirm(question, err=True):
        note("nothing was done")
        return EXIT_REFUSED
    return run_command(change.apply())


def _tasks(count: int) -> str:
    return "1 task" if count == 1 else f"{count:,} tasks"
