from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.contracts.batches import Counts
from headrace.contracts.positions import Position
from headrace.store.batch_rows import is_over, to_batch
from headrace.store.leader_queries import list_unsettled_batches
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from headrace.store.tables import BatchRow
from tests.conftest import MakeCluster
from tests.waiting import until

AT = datetime(2030, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)


def row(id_: str, **changed: Any) -> BatchRow:
    given: dict[str, Any] = {"id": id_, "kind": "echo", "priority": "low", "owner": "u1", "name": "ř", "total": 3}
    given |= {"state": "open", "created_at": AT, "epoch": 1, "sequence": 5}
    return BatchRow(**given | changed)


@pytest.mark.invariant(1)
async def test_of_batches_that_are_over_those_without_a_settled_are_found(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    epoch = cluster.log.epoch
    rows = [
        row("open", succeeded=2, queued=1),
        row("half", succeeded=2),
        row("over", epoch=epoch, sequence=0, succeeded=1, failed=1, cancelled=1),
        row("cut", epoch=epoch, sequence=0, succeeded=2, cancelled_at=AT),
        row("again", epoch=epoch, sequence=0, succeeded=2, settled_sequence=3),
        row("cancelling", succeeded=1, running=1, cancelled_at=AT),
        row("settled", succeeded=3, state="settled", settled_at=AT, settled_sequence=4),
    ]
    session = await LeaderSession.connect(cluster.database_url)
    projection = Projection(session)
    await projection.write_page(FoldedPage(batches=rows), Position(epoch, 0))
    assert await projection.load_batches(["open", "settled", "none"]) == {"open": rows[0], "settled": rows[-1]}
    found = await list_unsettled_batches(session)
    assert (
        {each.id for each in found}
        == {"over", "cut", "again"}
        == {each.id for each in rows if each.state == "open" and is_over(each)}
    )
    await projection.write_page(
        FoldedPage(batches=[row("over", sequence=9, total=9)]), Position(epoch, 0)
    )  # rows never go back
    assert (await projection.load_batches(["over"]))["over"].total == 3
    session.close()

    # A projector that was killed between counting the last task and saying so: the next one says it.
    await cluster.start("projector")

    async def settled() -> list[str]:
        return [each["id"] for each in await cluster.rows("SELECT id FROM batches WHERE state = 'settled' ORDER BY id")]

    async def all_settled() -> bool:
        return await settled() == ["again", "cut", "over", "settled"]

    await until(all_settled, "what is over to be settled")
    assert len(await cluster.events("hr.batches.settled.>")) == 3


def test_a_view_has_the_counts_and_the_position_it_reflects() -> None:
    found = to_batch(row("b1", pending=1, queued=2, running=3, succeeded=4, failed=5, cancelled=6, total=21))
    assert found.counts == Counts(pending=1, queued=2, running=3, succeeded=4, failed=5, cancelled=6)
    assert (found.counts.open, found.counts.final, found.position, found.name) == (6, 15, "1-5", "ř")
