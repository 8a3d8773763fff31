"""What is told of kinds: that workers announce them, and that they have lost their workers."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from headrace.api.hints import kinds as hint_kinds
from headrace.api.hints.buffer import HintBuffer
from headrace.api.hints.kinds import KindHints
from headrace.api.hints.telling import HintTelling
from headrace.api.pauses import Pauses
from headrace.catalog import WORKERS_GONE_SECONDS, Catalog
from headrace.contracts.hints import KindHint
from headrace.contracts.kinds import KindDescription
from headrace.log import clock
from headrace.log.connection import Log
from headrace.worker.announce import announce
from tests.waiting import until

ECHO = KindDescription(
    name="echo", description="Say it again.", input_schema={}, result_schema={}, timeout=60, max_attempts=1
)


async def test_a_kind_that_loses_its_workers_is_told_once_and_again_when_it_has_some(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hint_kinds, "COMPARE_SECONDS", 0.01)
    catalog = Catalog(log)
    await catalog.open()
    await announce(log, [ECHO])
    await until(catalog.entries, "the kind to be known")
    hints, buffer = KindHints(log, catalog, Pauses(log, HintTelling(log))), HintBuffer(lambda: None)
    hints.join(buffer)

    async def told() -> KindHint:
        frame: bytes = await until(buffer.take, "a hint")
        event, data = frame.decode().removesuffix("\n\n").split("\n")
        assert event == "event: kind"
        return msgspec.json.decode(data.removeprefix("data: "), type=KindHint)

    await until(lambda: hints._seen, "the first look at the catalog")
    later = clock.now() + timedelta(seconds=WORKERS_GONE_SECONDS + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    lost = await told()
    assert (lost.kind, lost.change, lost.has_workers, lost.paused) == ("echo", "lost_workers", False, False)
    # What has been told is not told again: the next hint is another change.
    await announce(log, [ECHO])
    back = await told()
    assert (back.kind, back.change, back.has_workers) == ("echo", "announced", True)
    hints.leave(buffer)
    buffer.close()
