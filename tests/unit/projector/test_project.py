from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from headrace.contracts.events import Event, Finished, Queued, decode
from headrace.log.connection import Log
from headrace.log.deliveries import Delivery
from headrace.log.prune import withdraw
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.projector.fold.tasks import fold_task
from headrace.projector.fold.timeline import timeline_entries
from headrace.store.tables import TaskRow
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.member import Member
from tests.unit.projector.fold.histories import LATER, History, some_actions
from tests.waiting import until

TAKE_OVER_SECONDS = 30.0

Rows = list[dict[str, Any]]


class Writer:
    """Appends made-up events of some tasks, in several goes."""

    def __init__(self, log: Log, seed: int, tasks: int = 25) -> None:
        self._log = log
        self._history = History()
        self._made_up = iter(some_actions(seed, count=100_000, tasks=tasks))

    async def append(self, count: int) -> int:
        """Append so many; the sequence of the last."""
        sequence = 0
        while count:
            step = self._history.next(next(self._made_up))
            if step is not None:
                (subject, payload, headers), life, event = step
                sequence = (await self._log.appender.append(subject, payload, headers)).sequence
                life.appended(event, sequence, await self._at(sequence, event))
                if isinstance(event, Finished) and event.withdrawn is not None:
                    await withdraw(self._log, event.withdrawn.sequence)
                count -= 1
        return sequence

    async def _at(self, sequence: int, event: Event) -> datetime:
        """When the log took it; asked only of what may be withdrawn."""
        if not isinstance(event, Queued):
            return LATER
        page = await self._log.replayer.page("hr.tasks.queued.>", start=sequence, records=1)
        return page.records[0].at


async def reach(cluster: Cluster, sequence: int, patience: float = 30.0) -> None:
    """Wait until the read model has come so far."""

    async def reached() -> bool:
        rows = await cluster.rows("SELECT epoch, sequence FROM projection WHERE name = 'tasks'")
        return bool(rows) and (rows[0]["epoch"], rows[0]["sequence"]) >= (cluster.log.epoch, sequence)

    await until(reached, f"the projector to reach {sequence}", patience)


async def tables(cluster: Cluster) -> tuple[Rows, Rows]:
    return (
        await cluster.rows("SELECT * FROM tasks ORDER BY id"),
        await cluster.rows("SELECT * FROM task_events ORDER BY epoch, sequence"),
    )


async def activity(cluster: Cluster) -> Rows:
    return await cluster.rows("SELECT * FROM activity ORDER BY owner, at, kind")


def folded(log: Iterable[Record], epoch: int) -> tuple[Rows, Rows]:
    """What the tables are to hold."""
    rows: dict[str, TaskRow] = {}
    events: dict[int, dict[str, Any]] = {}
    for record in log:
        subject, event = TaskSubject.parse(record.subject), decode(record.payload)
        row = fold_task(rows.get(subject.task), record, subject, event, epoch)
        if row is not None:
            rows[row.id] = row
        for entry in timeline_entries(record, subject, event, epoch):
            events[entry.sequence] = msgspec.structs.asdict(entry)
    return [msgspec.structs.asdict(rows[task]) for task in sorted(rows)], [events[each] for each in sorted(events)]


async def is_right(cluster: Cluster) -> None:
    assert await tables(cluster) == folded(await cluster.events(), cluster.log.epoch)


@pytest.mark.invariant(7)
async def test_the_read_model_is_a_function_of_the_log(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    writer = Writer(cluster.log, seed=1)
    await writer.append(300)
    (projector,) = await cluster.start("projector")
    last = await writer.append(300)  # while it projects
    await reach(cluster, last)
    before = await tables(cluster)
    counted = await activity(cluster)
    assert sum(row["accepted"] for row in counted) > 25
    assert len(before[0]) == 25
    assert len(before[1]) > 300
    await is_right(cluster)

    assert await projector.stop() == 0
    await cluster.rows("TRUNCATE tasks, task_events, projection")
    await cluster.start("projector")
    await reach(cluster, last)
    assert await tables(cluster) == before
    assert await activity(cluster) == counted, "also where the counts of the time before were left"


@pytest.mark.invariant(7)
async def test_a_backlog_of_many_pages_is_projected_without_beginning_again(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    for n in range(2500):
        await cluster.log.appender.append_nowait(
            f"hr.tasks.queued.echo.normal.u.{n}", b'{"event":"queued","attempt":1,"fence":0,"input":{}}', {}
        )
    last = await Writer(cluster.log, seed=2).append(50)
    (projector,) = await cluster.start("projector")
    await reach(cluster, last)
    await is_right(cluster)
    assert len(projector.logged("projecting")) == 1, projector.last_lines()
    assert {line["level"] for line in projector.logged("projecting")} == {"info"}


async def test_an_event_that_cannot_be_read_is_left_out_with_an_error_and_the_rest_goes_on(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    (projector,) = await cluster.start("projector")
    writer = Writer(cluster.log, seed=3)
    bad: list[int] = []
    await writer.append(20)
    for subject, payload in (
        ("hr.tasks.queued.echo.normal.u.bad", b"nonsense"),
        ("hr.tasks.queued.echo.normal.u.bad", b""),
        ("hr.tasks.started.echo.normal.u.t1", b"{}"),
        ("hr.tasks.invented.echo.normal.u.t1", b'{"event":"invented","attempt":1}'),
        ("hr.tasks.queued.echo", b'{"event":"queued","attempt":1,"fence":0,"input":{}}'),
    ):
        bad.append((await cluster.log.appender.append(subject, payload, {})).sequence)
    last = await writer.append(20)
    await reach(cluster, last)
    good = [record for record in await cluster.events() if record.sequence not in bad]
    assert await tables(cluster) == folded(good, cluster.log.epoch)
    lines = projector.logged("an event cannot be read; it is left out", level="error")
    assert [line["sequence"] for line in lines] == bad
    assert projector.process.returncode is None


async def test_an_event_that_the_read_model_cannot_take_does_not_stop_the_projection(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("projector")
    queued = b'{"event":"queued","attempt":1,"fence":0,"input":{}}'
    deep = b'{"event":"finished","attempt":1,"outcome":"succeeded","result":%s1%s}' % (b"[" * 9000, b"]" * 9000)
    for event, payload in (
        ("finished", b'{"event":"finished","attempt":1,"outcome":"succeeded","result":"\xff"}'),
        ("started", b'{"event":"started","attempt":4294967296,"worker":"w"}'),
        ("finished", deep),
    ):
        await cluster.log.appender.append("hr.tasks.queued.echo.normal.u.1", queued, {})
        await cluster.log.appender.append(f"hr.tasks.{event}.echo.normal.u.1", payload, {})
        last = await cluster.log.appender.append("hr.tasks.queued.echo.normal.u.2", queued, {})
        await reach(cluster, last.sequence, 8.0)


async def leader_of(cluster: Cluster, members: list[Member]) -> Member:
    """Who of the projectors leads."""
    await until(lambda: [member for member in members if member.logged("leading")], "a leader")
    (leader,) = [member for member in members if member.logged("leading")]
    return leader


@pytest.mark.invariant(7)
async def test_when_the_leading_projector_is_killed_another_takes_over(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    members = await cluster.start("projector", "projector")
    leader = await leader_of(cluster, members)
    (other,) = [member for member in members if member is not leader]
    await other.until_logged("standing by")
    writer = Writer(cluster.log, seed=4)
    await reach(cluster, await writer.append(100))

    await leader.kill()
    await reach(cluster, await writer.append(100), TAKE_OVER_SECONDS)
    assert other.logged("leading")
    await is_right(cluster)


@pytest.mark.invariant(7)
@pytest.mark.slow
async def test_when_the_leading_projector_is_stopped_another_takes_over_and_it_stands_by_when_it_goes_on(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    members = await cluster.start("projector", "projector")
    leader = await leader_of(cluster, members)
    (other,) = [member for member in members if member is not leader]
    writer = Writer(cluster.log, seed=5)
    await reach(cluster, await writer.append(100))

    leader.signal(signal.SIGSTOP)
    await until(lambda: other.logged("projecting"), "the other to take over", TAKE_OVER_SECONDS)
    await reach(cluster, await writer.append(1), TAKE_OVER_SECONDS)  # the broker gives it to the stopped one
    await reach(cluster, await writer.append(100), TAKE_OVER_SECONDS)
    await is_right(cluster)

    leader.signal(signal.SIGCONT)
    await leader.until_logged("standing by")
    await reach(cluster, await writer.append(100))
    await is_right(cluster)
    assert len(leader.logged("projecting")) == 1, "it has not projected again"


async def test_a_projector_that_is_told_to_stop_while_postgres_drops_it_stops(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    members = await cluster.start("projector", "projector")
    leader = await leader_of(cluster, members)
    (other,) = [member for member in members if member is not leader]
    writer = Writer(cluster.log, seed=7)
    await reach(cluster, await writer.append(1))
    leader.signal(signal.SIGSTOP)
    await until(lambda: other.logged("projecting"), "the other to take over", TAKE_OVER_SECONDS)
    await writer.append(1)
    leader.signal(signal.SIGCONT)
    leader.signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(10):
            assert await leader.process.wait() == 0
    finally:
        await leader.kill()


@pytest.mark.invariant(7)
async def test_whatever_happens_to_its_consumer_nothing_is_missing(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    (projector,) = await cluster.start("projector")
    writer = Writer(cluster.log, seed=6)
    await reach(cluster, await writer.append(20))

    stolen: list[Delivery] = []  # by somebody who pulls from it too
    thief = cluster.log.puller("projector", stolen.append, lambda _: None)
    await thief.open()
    await thief.pull(5, 5.0)
    await cluster.log._connection.flush()
    await reach(cluster, await writer.append(50))
    assert stolen

    await cluster.log.jetstream.request("CONSUMER.DELETE.HEADRACE.projector")
    await reach(cluster, await writer.append(20))
    await is_right(cluster)
    assert projector.process.returncode is None
    await thief.close()
