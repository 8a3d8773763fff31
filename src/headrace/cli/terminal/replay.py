"""`headrace replay`: run failed tasks again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

from msgspec.structs import replace

from headrace.cli.terminal.bulk import BulkChange
from headrace.client import Client
from headrace.contracts.bulk import BulkResult


class Replay(BulkChange):
    """Runs every task of a selection again, each once, also when it fails again."""

    verb = "run again"
    past = "queued again"

    # When the tasks were counted, by the clock of the API: one that has failed since is not to run once more.
    _counted_at: datetime | None = None

    async def _results(self, client: Client, *, dry_run: bool) -> AsyncGenerator[BulkResult]:
        select = replace(self._select, finished_before=self._select.finished_before or self._counted_at)
        async with aclosing(client.run_all(select, dry_run=dry_run, per_second=self._per_second)) as results:
            async for totals in results:
                self._counted_at = self._counted_at or totals.at
                yield totals

    def _how_to_continue(self) -> str:
        until = self._select.finished_before or self._counted_at
        if until is None:
            # An API of an earlier version does not say it.
            return super()._how_to_continue()
        return f"For the rest, and nothing twice: the same command with --until {until.astimezone().isoformat()}"
