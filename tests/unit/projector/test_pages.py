"""The pages that a projector reads, whatever its consumer delivers."""

from __future__ import annotations

import pytest

from headrace.log import consumer_names
from headrace.log.connection import Log
from headrace.log.consumers import reset_consumer
from headrace.projector.pages import Pages

PATIENCE_SECONDS = 5.0


@pytest.mark.invariant(3)
async def test_what_is_before_the_checkpoint_is_passed_over_when_the_consumer_begins_there(log: Log) -> None:
    for number in range(5):
        await log.appender.append(f"hr.tasks.queued.echo.normal.u.{number}", b"{}", {})
    async with Pages.after(log, 3) as pages:
        # As servers do that choose anew who leads and have not heard of the reset.
        await reset_consumer(log, consumer_names.PROJECTOR, 1)
        page = await pages.next(PATIENCE_SECONDS)
        assert [delivery.sequence for delivery in page] == [4, 5]
        await pages.acknowledge(page)
        await log.appender.append("hr.tasks.queued.echo.normal.u.6", b"{}", {})
        assert [delivery.sequence for delivery in await pages.next(PATIENCE_SECONDS)] == [6]
