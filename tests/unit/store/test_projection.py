from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.contracts.positions import Position
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection, Unstorable
from headrace.store.tables import TaskRow
from headrace.store.tally import place_of
from tests.conftest import MakeCluster
from tests.unit.projector.fold.histories import LATER

AT = datetime(2030, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)


def row(sequence: int, **changed: Any) -> TaskRow:
    return TaskRow(
        **{
            "id": "t1", "kind": "echo", "priority": "normal", "owner": "u1", "title": "t1", "labels": [], "batch": None, "schedule": None, "state": "queued",
            "attempt": 1, "max_attempts": None, "input": "{}", "result": None, "error": None, "code": None, "fingerprint": None, "progress": None,
            "files": "[]", "due_at": None, "expires_at": None, "queued_at": None, "fence": 0, "headers": "{}", "created_at": AT, "started_at": None, "finished_at": None, "wait_seconds": None, "run_seconds": None,
            "epoch": 1, "sequence": sequence, **changed,
        }
    )  # fmt: skip


@pytest.mark.invariant(7)
async def test_a_page_is_written_whole_or_not_at_all_and_rows_never_go_back(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    session = await LeaderSession.connect(cluster.database_url)
    projection = Projection(session)
    assert await projection.read_checkpoint() is None
    await projection.write_page(FoldedPage(tasks=[row(5, state="running")]), Position(1, 5))
    assert await projection.read_checkpoint() == Position(1, 5)
    assert (await projection.load_tasks(["t1", "t2"])) == {"t1": row(5, state="running")}

    places = {"t1": place_of(row(5, state="running"))}
    await projection.write_page(FoldedPage(tasks=[row(4, state="queued")], places=places), Position(1, 5))
    assert (await projection.load_tasks(["t1"]))["t1"].state == "running"

    with pytest.raises(Unstorable):
        await projection.write_page(
            FoldedPage(tasks=[row(6, state="failed"), row(6, id="t2", input="{")], places=places), Position(1, 6)
        )
    assert await projection.read_checkpoint() == Position(1, 5)
    assert (await projection.load_tasks(["t1", "t2"])) == {"t1": row(5, state="running")}

    await projection.write_page(
        FoldedPage(tasks=[row(1, epoch=2, state="succeeded", created_at=LATER)], places=places), Position(2, 1)
    )
    assert (await projection.load_tasks(["t1"]))["t1"] == row(1, epoch=2, state="succeeded")
    session.close()
