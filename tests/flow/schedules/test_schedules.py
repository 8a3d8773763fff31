"""Schedules: the broker keeps the time, and every firing submits one task."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from headrace.contracts.events import Queued, decode
from headrace.contracts.schedules import EVERY_SECONDS_MAX
from headrace.lifecycle.schedules import occurrence_task_id
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.problems import check_problem
from tests.flow.schedule_steps import (
    EVERY_SECOND,
    Json,
    change,
    create,
    due,
    end,
    firings,
    get,
    has_fired,
    has_submitted,
    seconds_pass,
    submitted,
    task,
    tasks_of,
)
from tests.waiting import until


@pytest.mark.invariant(4)
async def test_every_firing_submits_one_task_that_runs(cluster: Cluster) -> None:
    schedule = await create(cluster, name="beat")
    await until(lambda: has_submitted(cluster, schedule, 4), "four tasks")
    paused = await change(cluster, schedule, paused=True)
    assert paused["next_at"] is None
    fired = await firings(cluster, schedule)
    await until(lambda: has_submitted(cluster, schedule, len(fired)), "the last task")
    tasks = [task(record) for record in await submitted(cluster, schedule)]
    assert Counter(tasks) == tasks_of(schedule, fired)
    assert set(Counter(tasks).values()) == {1}
    for each in tasks:
        assert (await cluster.outcome(each))["state"] == "succeeded"
    times = [due(firing) for firing in fired]
    assert {after - before for before, after in itertools.pairwise(times)} == {timedelta(seconds=1)}


async def test_a_schedule_tells_what_it_is_when_it_fires_next_and_what_it_submitted_last(cluster: Cluster) -> None:
    made = await create(cluster, cron="*/2 * * * * *", time_zone="Europe/Berlin", expires_in=3600, max_attempts=3)
    answer = await cluster.http.get("/api/v1/schedules", params={"at_least": made["position"]})
    assert made["id"] in [item["id"] for item in answer.json()["items"]]
    found = await get(cluster, made)
    assert found["definition"] == made["definition"]
    assert found["definition"]["time_zone"] == "Europe/Berlin"
    assert datetime.fromisoformat(found["next_at"]).second % 2 == 0
    (first, *_) = await until(lambda: submitted(cluster, made), "a task")
    queued = decode(first.payload)
    assert isinstance(queued, Queued)
    assert queued.max_attempts == 3
    assert queued.expires_at == (await firings(cluster, made))[0].at + timedelta(hours=1)
    found = await get(cluster, made, f"{cluster.log.epoch}-{first.sequence}")
    assert found["last_task"] in [task(record) for record in await submitted(cluster, made)]
    assert datetime.fromisoformat(found["last_at"]) >= first.at
    await end(cluster, made)


async def test_a_paused_schedule_does_not_fire_until_it_goes_on(cluster: Cluster) -> None:
    schedule = await create(cluster, paused=True)
    assert schedule["next_at"] is None
    await seconds_pass(cluster, 2)
    assert await firings(cluster, schedule) == []
    assert (await change(cluster, schedule, paused=False))["next_at"] is not None
    await until(lambda: has_submitted(cluster, schedule, 1), "a task")
    paused = await change(cluster, schedule)
    assert paused["created_at"] == (await get(cluster, schedule, paused["position"]))["created_at"]
    before = len(await firings(cluster, schedule))
    await seconds_pass(cluster, 2)
    assert len(await firings(cluster, schedule)) == before


async def test_a_deleted_schedule_is_gone_and_its_timer_with_it(cluster: Cluster) -> None:
    schedule = await create(cluster)
    await until(lambda: has_submitted(cluster, schedule, 1), "a task")
    await end(cluster, schedule)
    before = len(await firings(cluster, schedule))
    path = f"/api/v1/schedules/{schedule['id']}"

    async def is_gone() -> bool:
        return (await cluster.http.get(path)).status_code == 404

    await until(is_gone, "it to be gone")
    check_problem(await cluster.http.put(path, json=EVERY_SECOND), 404, "schedule_not_found")
    check_problem(await cluster.http.delete(path), 404, "schedule_not_found")
    await seconds_pass(cluster, 2)
    assert len(await firings(cluster, schedule)) == before
    assert (await cluster.events(f"hr.schedules.saved.local.{schedule['id']}"))[0].payload == b'{"event":"deleted"}'


@pytest.mark.slow
async def test_a_schedule_submits_nothing_before_its_start_and_from_its_end_on(cluster: Cluster) -> None:
    now = datetime.now(UTC)
    start, finish = now + timedelta(seconds=1.5), now + timedelta(seconds=4)
    schedule = await create(cluster, start_at=start.isoformat(), end_at=finish.isoformat())
    assert datetime.fromisoformat(schedule["next_at"]) == start

    async def has_no_timer() -> bool:
        return await cluster.log.replayer.last(f"hr.timers.schedules.local.{schedule['id']}") is None

    await until(lambda: has_submitted(cluster, schedule, 3), "all its tasks")
    await until(has_no_timer, "the timer to be gone")
    fired = await firings(cluster, schedule)
    assert [due(firing) for firing in fired] == [start + timedelta(seconds=number) for number in range(3)]
    assert Counter(task(record) for record in await submitted(cluster, schedule)) == tasks_of(schedule, fired)
    assert (await get(cluster, schedule))["next_at"] is None


async def test_a_schedule_that_is_saved_again_unchanged_fires_as_if_it_had_not_been(cluster: Cluster) -> None:
    schedule = await create(cluster, every=3)
    first = datetime.fromisoformat(schedule["next_at"])
    while not await has_fired(cluster, schedule, 1):
        await change(cluster, schedule)
    await change(cluster, schedule, name="another name", input={})
    await until(lambda: has_submitted(cluster, schedule, 2), "two tasks")
    await end(cluster, schedule)
    tasks = Counter(task(record) for record in await submitted(cluster, schedule))
    occurrences = [first + timedelta(seconds=3 * number) for number in range(len(tasks))]
    assert tasks == Counter(occurrence_task_id(schedule["id"], each) for each in occurrences)


async def test_an_interval_with_a_start_fires_at_the_start_and_is_counted_from_it(cluster: Cluster) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    past = start - timedelta(days=1, seconds=1)
    for begins in (start, past):
        schedule = await create(cluster, every=2, start_at=begins.isoformat())
        await until(lambda schedule=schedule: has_submitted(cluster, schedule, 2), "two tasks")
        await change(cluster, schedule, paused=True)
        resumed = await change(cluster, schedule)
        assert (datetime.fromisoformat(resumed["next_at"]) - begins) % timedelta(seconds=2) == timedelta(0)
        await end(cluster, schedule)
        times = [due(firing) for firing in await firings(cluster, schedule)]
        assert {(each - begins) % timedelta(seconds=2) for each in times} == {timedelta(0)}
        assert {after - before for before, after in itertools.pairwise(times)} == {timedelta(seconds=2)}


async def test_a_schedules_task_can_be_submitted_now_as_well(cluster: Cluster) -> None:
    schedule = await create(cluster, kind="echo", input={"text": "now"}, paused=True, priority="high")
    answer = await cluster.http.post(f"/api/v1/schedules/{schedule['id']}/runs")
    assert answer.status_code == 202, answer.text
    accepted = answer.json()
    assert answer.headers["Location"] == f"/api/v1/tasks/{accepted['id']}"
    assert (accepted["kind"], accepted["priority"], accepted["state"]) == ("echo", "high", "queued")
    assert (await cluster.outcome(accepted["id"]))["result"]["text"] == "now"
    found = await get(cluster, schedule, accepted["position"])
    assert found["last_task"] == accepted["id"]
    assert found["last_at"] is not None


async def test_a_schedule_that_starts_at_the_end_of_time_never_fires(cluster: Cluster) -> None:
    for when in ({"every": EVERY_SECONDS_MAX}, {"cron": "0 0 0 1 1 *"}):
        schedule = await create(cluster, start_at="9999-12-31T23:59:59Z", **when)
        assert schedule["next_at"] is None
        assert (await get(cluster, schedule))["next_at"] is None
        await end(cluster, schedule)


async def tables(cluster: Cluster) -> list[Json]:
    return await cluster.rows("SELECT * FROM schedules ORDER BY id")


@pytest.mark.invariant(7)
@pytest.mark.slow
async def test_the_read_model_of_schedules_is_a_function_of_the_log(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    fires, deleted, changed, cancelled = [await create(cluster) for _ in range(4)]
    for each in (fires, changed):
        await until(lambda each=each: has_submitted(cluster, each, 2), "two tasks")
    await end(cluster, deleted)
    await change(cluster, changed, cron="0 0 0 * * *", every=None, name="nightly")
    await change(cluster, cancelled, paused=True)
    await change(cluster, fires, paused=True)
    await worker.stop()
    run = (await cluster.http.post(f"/api/v1/schedules/{cancelled['id']}/runs")).json()
    answer = await cluster.http.put(f"/api/v1/tasks/{run['id']}/cancellation")
    assert answer.status_code in (200, 202), answer.text
    position = (await change(cluster, fires, paused=True, name="the last"))["position"]
    assert (await get(cluster, fires, position))["definition"]["name"] == "the last"
    before = await tables(cluster)
    assert {row["id"] for row in before} == {each["id"] for each in (fires, changed, cancelled)}
    assert [row["last_task"] for row in before if row["id"] == cancelled["id"]] == [run["id"]]

    assert await projector.stop() == 0
    await cluster.rows("TRUNCATE schedules, tasks, task_events, batches, projection")
    await cluster.start("projector")
    await get(cluster, fires, position)
    assert await tables(cluster) == before
