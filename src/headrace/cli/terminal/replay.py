"""`headrace replay`: run failed tasks again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime

from headrace.cli.terminal.bulk import BulkChange
from headrace.client import Client
from headrace.contracts.bulk import BulkResult


class Replay(BulkChange):
    """Runs every task of a selection again, each once, also when it fails again."""

    verb = "run again"
    past = "queued again"

    # When the first task was about to run again: one that has failed since is not to run once more.
    _began: datetime | None = None

    def _results(self, client: Client, *, dry_run: bool) -> AsyncGenerator[BulkResult]:
        self._began = datetime.now().astimezone()
        return client.run_all(self._select, dry_run=dry_run, per_second=self._per_second)

    def _how_to_continue(self) -> str:
        until = self._select.finished_before or self._began or datetime.now().astimezone()
        return f"For the rest, and nothing twice: the same command with --until {until.isoformat()}"
