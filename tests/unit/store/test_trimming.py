from __future__ import annotations

from typing import Any

from headrace.contracts.positions import Position
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from headrace.store.tables import EventRow
from headrace.store.tally import place_of
from headrace.store.trimming import TrimmingSession
from tests.conftest import MakeCluster
from tests.unit.store.test_projection import AT, row


def event(task: str, sequence: int, name: str) -> EventRow:
    return EventRow(task=task, event=name, at=AT, attempt=1, data="{}", epoch=1, sequence=sequence)


async def test_what_was_appended_behind_the_end_of_a_task_goes_with_it_wherever_the_mark_is(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    leader = await LeaderSession.connect(cluster.database_url)
    tasks: list[Any] = [row(4, id="late", state="cancelled"), row(6, id="open", state="queued")]
    events = [
        *(event("late", 1, "queued"), event("late", 2, "finished"), event("late", 4, "started")),
        *(event("open", 0, "queued"), event("open", 3, "finished"), event("open", 6, "queued")),
    ]
    places = {each.id: place_of(each) for each in tasks}
    await Projection(leader).write_page(FoldedPage(tasks=tasks, events=events, places=places), Position(1, 6))
    leader.close()
    session = await TrimmingSession.connect(cluster.database_url)
    ended = await session.list_ended(1, 0, 3, 10)
    session.close()
    assert (ended.number, ended.last, ended.events, ended.ends) == (2, 3, [1, 4], [2])
