"""Selections: something done to every task that answers a description."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from msgspec.structs import replace

from headrace.client.connection import Call, Connection, given
from headrace.contracts.tasks import BULK_TASKS_MAX, BulkRequest, BulkResult, Selection

REQUEST_SECONDS = (
    5.0  # of work for the API in one request, so that its progress is seen and an interrupt is soon obeyed
)
ANSWER_SECONDS = 60.0  # it works for 25 s at most


class Selections(Connection):
    """What a client does with many tasks at once."""

    async def cancel_all(
        self, select: Selection, *, dry_run: bool = False, per_second: float = 100.0, at_least: str | None = None
    ) -> AsyncGenerator[BulkResult]:
        """Cancel every task of a selection that is not over, the oldest first.

        Yields the totals so far after each of several requests, the last one when nothing remains. Each request is sent
        again when there is no answer; then fewer may be counted as done than were.

        Args:
            select: Which tasks.
            dry_run: Only tell how many there are.
            per_second: How fast at most.
            at_least: Wait until the API's view of the tasks reflects this position, as of a task just submitted.

        Raises:
            ProblemError: it was refused, or the API cannot do it now; what was done until then is done.
            httpx.TransportError: no answer, several times in a row.
        """
        async for totals in self._in_bulk("/cancellations", select, dry_run, per_second, at_least):
            yield totals

    async def run_all(
        self, select: Selection, *, dry_run: bool = False, per_second: float = 100.0, at_least: str | None = None
    ) -> AsyncGenerator[BulkResult]:
        """Run every task of a selection that is over again, the oldest first: with failed ones, the dead-letter replay.

        Only tasks that are over when this begins, so that one that fails again is not run for ever. Otherwise as `cancel_all`.
        """
        now = datetime.now(UTC)
        until = now if select.finished_before is None else min(now, select.finished_before)
        once = replace(select, finished_before=until)
        async for totals in self._in_bulk("/runs", once, dry_run, per_second, at_least):
            yield totals

    async def _in_bulk(
        self, to: str, select: Selection, dry_run: bool, per_second: float, at_least: str | None
    ) -> AsyncGenerator[BulkResult]:
        limit = min(BULK_TASKS_MAX, max(1, int(per_second * REQUEST_SECONDS)))
        request = BulkRequest(select=select, dry_run=dry_run, limit=limit, per_second=per_second)
        clock = asyncio.get_running_loop().time
        began, totals, dealt_with = clock(), None, 0
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
            dealt_with += result.matched - result.remaining
            matched, done = (totals.matched, totals.done) if totals else (result.matched, 0)
            # no more than matched at first: others may submit such tasks faster than they are dealt with
            remaining = min(result.remaining, max(0, matched - dealt_with))
            totals = BulkResult(matched=matched, done=done + result.done, remaining=remaining, position=result.position)
            yield totals
            if dry_run or remaining == 0:
                return
            await asyncio.sleep(
                max(0.0, began + dealt_with / per_second - clock())
            )  # the API keeps the pace of one request
