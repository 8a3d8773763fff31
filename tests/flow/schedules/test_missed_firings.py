"""Schedules while something is away: each firing submits one task, and what was missed is skipped or made up for."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from headrace.lifecycle.schedules import occurrence_task_id
from headrace.log import subjects
from headrace.projector.due_occurrences import MISSED
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.schedule_steps import (
    Json,
    change,
    create,
    due,
    end,
    firings,
    get,
    has_fired,
    has_submitted,
    submitted,
    task,
    tasks_of,
)
from tests.purge import purge
from tests.waiting import until


@pytest.mark.invariant(3)
@pytest.mark.invariant(4)
@pytest.mark.slow
async def test_a_firing_submits_one_task_although_its_reader_is_killed_before_it_acknowledges(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker")
    await cluster.until_kinds_known()
    doomed = await cluster.spawn_module("projector", "tests.flow.schedules.dies_before_ack", HEADRACE_PROJECTOR_OPS="")
    await doomed.until_logged("projecting")
    schedule = await create(cluster)
    assert await doomed.exited() == -9
    (first,) = await submitted(cluster, schedule)
    # Nobody is there to set the next timer after this one; the tasks of the time until somebody is are submitted then.
    await until(lambda: has_fired(cluster, schedule, 2), "it to fire on")

    projectors = await cluster.start("projector", "projector")
    await until(lambda: has_submitted(cluster, schedule, 3), "its tasks")
    await until(
        lambda: [projector for projector in projectors if projector.logged("a firing was submitted before")],
        "the first to be delivered again",
    )
    paused = await change(cluster, schedule, paused=True)
    times = [due(firing) for firing in await firings(cluster, schedule)]
    occurrences = [times[0] + timedelta(seconds=second) for second in range(int((times[-1] - times[0]).seconds) + 1)]
    await until(lambda: has_submitted(cluster, schedule, len(occurrences)), "the last task")
    tasks = Counter(task(record) for record in await submitted(cluster, schedule))
    assert tasks == Counter(occurrence_task_id(schedule["id"], each) for each in occurrences)
    assert task(first) in tasks
    assert (await get(cluster, schedule, paused["position"]))["definition"]["paused"]
    await cluster.all_finished(tasks)


@pytest.mark.invariant(4)
@pytest.mark.slow
@pytest.mark.parametrize("outage", ["kill", "stop"])
async def test_firings_missed_in_an_outage_are_skipped_or_made_up_for_once(
    make_cluster: MakeCluster, outage: str
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    soon = datetime.now(UTC) + timedelta(seconds=6)
    times = {"every": {"every": 8}, "cron": {"cron": f"{soon.second} * * * * *"}}
    schedules = {
        (of, missed): await create(cluster, missed=missed, **when)
        for of, when in times.items()
        for missed in ("skip", "catch_up_once")
    }
    away = datetime.now(UTC).replace(microsecond=0)
    await (cluster.nats.kill() if outage == "kill" else cluster.nats.stop())
    assert datetime.now(UTC) < soon.replace(microsecond=0)
    back = max(soon, away + timedelta(seconds=8)) + MISSED + timedelta(seconds=1.5)
    await until(lambda: datetime.now(UTC) > back, "time to pass")
    await cluster.nats.start()
    await until(lambda: cluster.log.is_connected, "the log to be back")
    back = datetime.now(UTC)

    def in_the_outage(schedule: Json) -> set[str]:
        seconds = range(1, int((back - away).total_seconds()) + 1)
        return {occurrence_task_id(schedule["id"], away + timedelta(seconds=second)) for second in seconds}

    async def made_up_for(schedule: Json) -> list[str]:
        """The tasks it submitted, after the outage, for firings in it."""
        records = await submitted(cluster, schedule)
        return [task(each) for each in records if task(each) in in_the_outage(schedule) and each.at > soon]

    for of in times:
        await until(lambda of=of: made_up_for(schedules[of, "catch_up_once"]), f"the missed firing of {of}")
    for missed in ("skip", "catch_up_once"):
        schedule = schedules["every", missed]
        fired = len(await firings(cluster, schedule))
        await until(lambda schedule=schedule, fired=fired: has_fired(cluster, schedule, fired + 1), "it to fire on")
        await change(cluster, schedule, paused=True)
        fired = await firings(cluster, schedule)
        last = occurrence_task_id(schedule["id"], due(fired[-1]))
        await until(lambda schedule=schedule, last=last: _has(cluster, schedule, last), "its last task")
        on_time = [firing for firing in fired if not away < due(firing) <= back]
        tasks = Counter(task(each) for each in await submitted(cluster, schedule))
        assert {id_: count for id_, count in tasks.items() if id_ not in in_the_outage(schedule)} == tasks_of(
            schedule, on_time
        )
    for (_, missed), schedule in schedules.items():
        assert len(await made_up_for(schedule)) == (1 if missed == "catch_up_once" else 0)


async def _has(cluster: Cluster, schedule: Json, wanted: str) -> bool:
    return wanted in [task(each) for each in await submitted(cluster, schedule)]


@pytest.mark.slow
async def test_a_timer_that_the_broker_lost_is_set_again_if_its_schedule_is_active(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, _, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    lost, paused, there = await create(cluster), await create(cluster, paused=True), await create(cluster, every=3600)
    before = await get(cluster, lost, there["position"])
    await projector.stop()
    for each in (lost, paused):
        await purge(cluster.log, subjects.schedule_timer("local", each["id"]))
    untouched = await cluster.log.replayer.last(subjects.schedule_timer("local", there["id"]))

    (projector,) = await cluster.start("projector")
    await projector.until_logged("a schedule had lost its timer; it is set again", schedule=lost["id"])
    already = len(await firings(cluster, lost))
    await until(lambda: has_fired(cluster, lost, already + 1), "it to fire again")
    assert await cluster.log.replayer.last(subjects.schedule_timer("local", paused["id"])) is None
    now = await cluster.log.replayer.last(subjects.schedule_timer("local", there["id"]))
    assert untouched is not None
    assert now is not None
    assert now.sequence == untouched.sequence
    state = await cluster.log.refresh()
    after = await get(cluster, lost, f"{state.epoch}-{(await submitted(cluster, lost))[-1].sequence}")
    for name in ("definition", "created_at", "updated_at"):
        assert after[name] == before[name]


@pytest.mark.slow
async def test_schedules_outlive_the_log(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    fires, paused = await create(cluster), await create(cluster, paused=True)
    await until(lambda: has_submitted(cluster, fires, 1), "a task")
    before = await get(cluster, fires, paused["position"])
    epoch = cluster.log.epoch
    await cluster.nats.stop()
    shutil.rmtree(cluster.place / "nats" / "jetstream")
    await cluster.nats.start()
    await until(lambda: cluster.log.epoch != epoch, "the log to be made anew")
    await until(lambda: has_submitted(cluster, fires, 2), "it to fire again")
    first, *_ = await submitted(cluster, fires)
    after = await get(cluster, fires, f"{cluster.log.epoch}-{first.sequence}")
    for name in ("definition", "created_at", "updated_at"):
        assert after[name] == before[name]
    assert await firings(cluster, paused) == []
    assert (await get(cluster, paused))["definition"]["paused"]
    await end(cluster, fires)
