"""Cancel, or run again, every task of a selection."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from datetime import datetime

from msgspec.structs import replace

from headrace.client.connection import Call, Connection, given
from headrace.contracts.bulk import BULK_TASKS_MAX, BulkRequest, BulkResult
from headrace.contracts.filters import Filter

REQUEST_SECONDS = 5.0  # of work for the API in one request, so that progress is seen and an interrupt takes effect soon
ANSWER_SECONDS = 60.0  # the API works for 25 s at most on one request


class Selections(Connection):
    """The part of `Client` for many tasks at once."""

    async def cancel_all(
        self, select: Filter, *, dry_run: bool = False, per_second: float = 100.0, at_least: str | None = None
    ) -> AsyncGenerator[BulkResult]:
        """Cancel every task of a selection that is not over, the oldest first.

        Sends several requests, and yields the totals so far after each; the last ones when nothing remains. A request is
        repeated when there is no answer; then more tasks may be done than are counted.

        Args:
            select: Which tasks.
            dry_run: Only count the tasks.
            per_second: How many tasks a second at most.
            at_least: Wait until the API's view reflects this position, for example that of a task just submitted.

        Raises:
            ProblemError: The API refused or failed. Tasks that are done stay done.
            httpx.TransportError: The API did not answer `ATTEMPTS_MAX` times in a row.
        """
        async for totals in self._in_bulk("/cancellations", select, dry_run, per_second, at_least):
            yield totals

    async def run_all(
        self, select: Filter, *, dry_run: bool = False, per_second: float = 100.0, at_least: str | None = None
    ) -> AsyncGenerator[BulkResult]:
        """Run every finished task of a selection again, the oldest first; of failed tasks this is the dead-letter replay.

        Only tasks that are over when the API has first selected some are run, so that a task that fails again is not run for
        ever. Totals say `at` when that was, by the clock of the API. Arguments, totals and errors are otherwise those of
        `cancel_all`.
        """
        async for totals in self._in_bulk("/runs", select, dry_run, per_second, at_least, once=True):
            yield totals

    async def _in_bulk(
        self,
        to: str,
        select: Filter,
        dry_run: bool,
        per_second: float,
        at_least: str | None,
        *,
        once: bool = False,
    ) -> AsyncGenerator[BulkResult]:
        limit = min(BULK_TASKS_MAX, max(1, int(per_second * REQUEST_SECONDS)))
        request = BulkRequest(select=select, dry_run=dry_run, limit=limit, per_second=per_second)
        clock = time.monotonic
        began, totals, seen = clock(), None, 0
        while True:
            call = Call(
                method="POST",
                path=to,
                params=given(at_least=at_least),
                body=request,
                patience=ANSWER_SECONDS,
                repeatable=True,
            )
            result = await self._ask(call, BulkResult)
            at_least = result.position
            seen += result.matched - result.remaining
            matched, done = (totals.matched, totals.done) if totals else (result.matched, 0)
            # Not more than matched at first: others may submit such tasks faster than this changes them.
            remaining = min(result.remaining, max(0, matched - seen))
            at = totals.at if totals else result.at
            totals = replace(result, matched=matched, done=done + result.done, remaining=remaining, at=at)
            yield totals
            if dry_run or remaining == 0:
                return
            if once and at is not None:
                request = replace(request, select=_finished_before(select, at))
            # The API keeps the pace within a request; this keeps it over all of them.
            await self.driver.pause(max(0.0, began + seen / per_second - clock()))


def _finished_before(select: Filter, time: datetime) -> Filter:
    """Restrict a selection to tasks that ended before a time, or before the earlier one that it has."""
    return replace(select, finished_before=min(time, select.finished_before or time))
