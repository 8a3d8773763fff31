"""The results of a batch on their way to a client: how much of them is in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from headrace.api import batch_results
from headrace.api.batch_results import PAGE_BYTES, PAGE_TASKS_MAX, PIECE_BYTES, stream_results
from headrace.contracts.batch_results import BatchResult
from headrace.contracts.batches import Batch, BatchState, Counts
from headrace.contracts.tasks import Priority, State

AT = datetime(2026, 1, 1, tzinfo=UTC)
LINES = msgspec.json.Decoder(BatchResult)


class ReadModel:
    @asynccontextmanager
    async def session(self) -> AsyncGenerator[None]:
        yield


def result_of(index: int, size: int) -> BatchResult:
    return BatchResult(
        index=index,
        task=f"task-{index}",
        kind="echo",
        title="a title",
        state=State.SUCCEEDED,
        attempt=1,
        result=msgspec.Raw(b'"%b"' % (b"x" * size)),
        result_file=None,
        error=None,
        files=(),
        created_at=AT,
        started_at=AT,
        finished_at=AT,
        wait_seconds=0.0,
        run_seconds=0.0,
    )


@pytest.mark.parametrize(("size", "total"), [(10, 1000), (250_000, 50)])
async def test_as_many_results_are_read_at_a_time_as_a_page_has_room_for(
    monkeypatch: pytest.MonkeyPatch, size: int, total: int
) -> None:
    pages: list[int] = []

    async def read_results(_session: Any, _owner: str, _batch: str, first: int, count: int) -> list[BatchResult]:
        pages.append(count)
        return [result_of(index, size) for index in range(first, first + count)]

    monkeypatch.setattr(batch_results, "read_results", read_results)
    batch = Batch(
        id="b",
        kind="echo",
        priority=Priority.LOW,
        owner="ann",
        total=total,
        counts=Counts(succeeded=total),
        state=BatchState.SETTLED,
        created_at=AT,
        position="1-1",
    )
    pieces = [piece async for piece in stream_results(cast("Any", ReadModel()), batch)]
    assert [each.index for each in LINES.decode_lines(b"".join(pieces))] == list(range(total))
    assert max(map(len, pieces)) < PIECE_BYTES + size + 1000
    assert max(pages) * size <= PAGE_BYTES
    assert max(pages) == (PAGE_TASKS_MAX if size == 10 else 4)
