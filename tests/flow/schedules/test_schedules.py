"""Schedules: the broker keeps the time, and every firing submits one task."""

from __future__ import annotations

import itertools
import shutil
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from headrace.contracts.events import Queued, decode
from headrace.contracts.schedules import EVERY_SECONDS_MAX, ScheduleDefinition, ScheduleSaved
from headrace.cron import occurrence
from headrace.lifecycle.schedules import not_deleted, occurrence_task_id, save_schedule
from headrace.log import subjects
from headrace.log.prune import purge
from headrace.log.records import Record
from headrace.projector.missed_firings import MISSED_SECONDS
from headrace.store.schedules import SCHEDULES_PER_OWNER_MAX
from tests.cluster import Cluster, until
from tests.conftest import MakeCluster
from tests.flow.refused.test_bad_input import check_problem

Json = dict[str, Any]

EVERY_SECOND: Json = {"kind": "noop", "input": {}, "every": 1}


async def create(cluster: Cluster, **given: Any) -> Json:
    """Make a schedule; must be accepted."""
    definition = EVERY_SECOND | given
    if "cron" in given:
        del definition["every"]
    answer = await cluster.http.post("/api/v1/schedules", json=definition)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def change(cluster: Cluster, schedule: Json, **given: Any) -> Json:
    answer = await cluster.http.put(f"/api/v1/schedules/{schedule['id']}", json=schedule["definition"] | given)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def get(cluster: Cluster, schedule: Json, at_least: str | None = None) -> Json:
    parameters = {"at_least": at_least} if at_least else {}
    answer = await cluster.http.get(f"/api/v1/schedules/{schedule['id']}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def end(cluster: Cluster, schedule: Json) -> None:
    answer = await cluster.http.delete(f"/api/v1/schedules/{schedule['id']}")
    assert answer.status_code == 204, answer.text


async def firings(cluster: Cluster, schedule: Json) -> list[Record]:
    return await cluster.events(f"hr.schedules.fired.local.{schedule['id']}")


async def submitted(cluster: Cluster, schedule: Json) -> list[Record]:
    """The tasks it has submitted."""
    queued = await cluster.events("hr.tasks.queued.>")
    return [record for record in queued if record.headers.get("Headrace-Schedule") == schedule["id"]]


def task(record: Record) -> str:
    return record.subject.rpartition(".")[2]


def due(schedule: Json, firing: Record) -> datetime:
    definition = schedule["definition"]
    kept = ScheduleDefinition(kind="noop", input={}, cron=definition["cron"], every=definition["every"])
    return occurrence(kept, datetime.fromisoformat(firing.headers["Nats-Schedule-Next"]))


def tasks_of(schedule: Json, fired: list[Record]) -> Counter[str]:
    """The tasks that firings are to submit."""
    return Counter(occurrence_task_id(schedule["id"], due(schedule, firing)) for firing in fired)


async def seconds_pass(cluster: Cluster, seconds: int) -> None:
    """Wait until timers went off so often."""
    clock = await create(cluster)
    await until(lambda: _fired(cluster, clock, seconds), "a schedule to fire")
    await end(cluster, clock)


async def _fired(cluster: Cluster, schedule: Json, times: int) -> bool:
    return len(await firings(cluster, schedule)) >= times


async def _submitted(cluster: Cluster, schedule: Json, times: int) -> bool:
    return len(await submitted(cluster, schedule)) >= times


@pytest.mark.invariant(4)
async def test_every_firing_submits_one_task_that_runs(cluster: Cluster) -> None:
    schedule = await create(cluster, name="beat")
    await until(lambda: _submitted(cluster, schedule, 4), "four tasks")
    paused = await change(cluster, schedule, paused=True)
    assert paused["next_at"] is None
    fired = await firings(cluster, schedule)
    await until(lambda: _submitted(cluster, schedule, len(fired)), "the last task")
    tasks = [task(record) for record in await submitted(cluster, schedule)]
    assert Counter(tasks) == tasks_of(schedule, fired)
    assert set(Counter(tasks).values()) == {1}
    for each in tasks:
        assert (await cluster.outcome(each))["state"] == "succeeded"
    times = [due(schedule, firing) for firing in fired]
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
    await until(lambda: _submitted(cluster, schedule, 1), "a task")
    paused = await change(cluster, schedule)
    assert paused["created_at"] == (await get(cluster, schedule, paused["position"]))["created_at"]
    before = len(await firings(cluster, schedule))
    await seconds_pass(cluster, 2)
    assert len(await firings(cluster, schedule)) == before


async def test_a_deleted_schedule_is_gone_and_its_timer_with_it(cluster: Cluster) -> None:
    schedule = await create(cluster)
    await until(lambda: _submitted(cluster, schedule, 1), "a task")
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
async def test_nothing_is_submitted_before_the_start_and_from_the_end_on(cluster: Cluster) -> None:
    now = datetime.now(UTC)
    start, finish = now + timedelta(seconds=2.5), now + timedelta(seconds=5)
    schedule = await create(cluster, start_at=start.isoformat(), end_at=finish.isoformat())
    assert datetime.fromisoformat(schedule["next_at"]) >= start

    async def has_no_timer() -> bool:
        return await cluster.log.replayer.last(f"hr.timers.schedules.local.{schedule['id']}") is None

    await until(has_no_timer, "the timer to be gone")
    fired = await firings(cluster, schedule)
    within = [firing for firing in fired if start <= due(schedule, firing) < finish]
    assert 0 < len(within) < len(fired)
    assert Counter(task(record) for record in await submitted(cluster, schedule)) == tasks_of(schedule, within)
    assert (await get(cluster, schedule))["next_at"] is None


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


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"cron": "* * * * *"}, ["/cron"]),
        ({"cron": "60 * * * * *"}, ["/cron"]),
        ({"cron": "0 0 0 30 2 *"}, ["/cron"]),
        ({"cron": "0 0 0 L * *"}, ["/cron"]),
        ({"cron": "@daily"}, ["/cron"]),
        ({"cron": ""}, ["/cron"]),
        ({"cron": "0 0 0 * * *", "every": 5}, ["/every"]),
        ({"every": None}, ["/cron"]),
        ({"cron": "0 0 0 * * *", "time_zone": "Mars/Olympus"}, ["/time_zone"]),
        ({"cron": "0 0 0 * * *", "time_zone": ""}, ["/time_zone"]),
        ({"cron": "0 0 0 * * *", "time_zone": "../../etc/passwd"}, ["/time_zone"]),
        ({"cron": "nonsense", "time_zone": "nowhere"}, ["/cron", "/time_zone"]),
        ({"end_at": "2020-01-01T00:00:00Z"}, ["/end_at"]),
        ({"start_at": "2999-01-02T00:00:00Z", "end_at": "2999-01-01T00:00:00Z"}, ["/start_at"]),
        ({"kind": "echo", "input": {"text": 1}}, ["/input/text"]),
    ],
)
async def test_what_cannot_be_kept_is_refused_with_every_wrong_field(
    cluster: Cluster, given: Json, paths: list[str]
) -> None:
    definition = {"kind": "noop", "input": {}} | ({} if "cron" in given else {"every": 60}) | given
    answer = await cluster.http.post("/api/v1/schedules", json=definition)
    problem = check_problem(answer, 422, "invalid_input")
    assert [error["path"] for error in problem["errors"]] == paths
    schedule = await create(cluster, paused=True)
    answer = await cluster.http.put(f"/api/v1/schedules/{schedule['id']}", json=definition)
    assert [error["path"] for error in check_problem(answer, 422, "invalid_input")["errors"]] == paths
    await end(cluster, schedule)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"every": 0}, "/every"),
        ({"every": 1.5}, "/every"),
        ({"every": 1e9}, "/every"),
        ({"missed": "twice"}, "/missed"),
        ({"start_at": "2030-01-01T00:00:00"}, "/start_at"),
        ({"colour": "red"}, ""),
    ],
)
async def test_a_body_that_is_no_definition_is_refused_with_the_path(cluster: Cluster, given: Json, path: str) -> None:
    answer = await cluster.http.post("/api/v1/schedules", json=EVERY_SECOND | given)
    assert [error["path"] for error in check_problem(answer, 400, "malformed_request")["errors"]] == [path]


async def test_an_unknown_kind_and_an_input_that_is_too_large_are_refused(cluster: Cluster) -> None:
    answer = await cluster.http.post("/api/v1/schedules", json=EVERY_SECOND | {"kind": "nope"})
    check_problem(answer, 422, "unknown_kind")
    large = {"kind": "echo", "input": {"text": "x" * 300_000}, "every": 60}
    check_problem(await cluster.http.post("/api/v1/schedules", json=large), 413, "too_large")


async def test_a_start_at_the_end_of_time_is_only_never(cluster: Cluster) -> None:
    for when in ({"every": EVERY_SECONDS_MAX}, {"cron": "0 0 0 1 1 *"}):
        schedule = await create(cluster, start_at="9999-12-31T23:59:59Z", **when)
        assert schedule["next_at"] is None
        assert (await get(cluster, schedule))["next_at"] is None
        await end(cluster, schedule)


@pytest.mark.invariant(8)
async def test_schedules_that_are_not_there_and_those_of_others_are_not_found(cluster: Cluster) -> None:
    others = str(uuid.uuid4())
    definition = ScheduleDefinition(kind="noop", input={}, every=3600)
    await save_schedule(
        cluster.log, "somebody", others, ScheduleSaved(definition=definition), not_deleted("somebody", others)
    )
    for schedule in (others, str(uuid.uuid4()), "a.b", "*", "%00"):
        path = f"/api/v1/schedules/{schedule}"
        answers: list[httpx.Response] = [
            await cluster.http.get(path),
            await cluster.http.put(path, json=EVERY_SECOND),
            await cluster.http.delete(path),
            await cluster.http.post(f"{path}/runs"),
        ]
        for answer in answers:
            check_problem(answer, 404, "schedule_not_found")
    listed = (await cluster.http.get("/api/v1/schedules")).json()["items"]
    assert others not in [item["id"] for item in listed]
    assert {item["owner"] for item in listed} <= {"local"}


async def test_an_owner_has_only_so_many_schedules(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.knows_kinds()
    await cluster.rows(
        f"""
        INSERT INTO schedules (id, owner, definition, created_at, updated_at, epoch, sequence)
        SELECT n::text, 'local', '{{"kind": "noop", "input": {{}}, "every": 60, "paused": true}}', now(), now(), 1, n
        FROM generate_series(1, {SCHEDULES_PER_OWNER_MAX}) AS n
        """
    )
    answer = await cluster.http.post("/api/v1/schedules", json=EVERY_SECOND)
    assert "limit" in check_problem(answer, 422, "invalid_input")["message"]
    listed = (await cluster.http.get("/api/v1/schedules")).json()["items"]
    assert len(listed) == SCHEDULES_PER_OWNER_MAX


@pytest.mark.invariant(3)
@pytest.mark.invariant(4)
@pytest.mark.slow
async def test_a_firing_submits_one_task_although_its_reader_is_killed_before_it_acknowledges(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker")
    await cluster.knows_kinds()
    doomed = await cluster.launch("projector", "tests.flow.schedules.dies_before_ack", HEADRACE_PROJECTOR_HEALTH="")
    await doomed.heard("projecting")
    schedule = await create(cluster)
    assert await doomed.gone() == -9
    (first,) = await submitted(cluster, schedule)
    await until(lambda: _fired(cluster, schedule, 3), "it to fire on")

    projectors = await cluster.start("projector", "projector")
    await until(lambda: _submitted(cluster, schedule, 3), "its tasks")
    await until(
        lambda: [projector for projector in projectors if projector.said("a firing was submitted before")],
        "the first to be delivered again",
    )
    paused = await change(cluster, schedule, paused=True)
    fired = await firings(cluster, schedule)
    await until(lambda: _submitted(cluster, schedule, len(fired)), "the last task")
    tasks = Counter(task(record) for record in await submitted(cluster, schedule))
    assert tasks == tasks_of(schedule, fired)
    assert set(tasks.values()) == {1}
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
    await cluster.knows_kinds()
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
    back = max(soon, away + timedelta(seconds=8)) + timedelta(seconds=MISSED_SECONDS + 1.5)
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
        await until(lambda schedule=schedule, fired=fired: _fired(cluster, schedule, fired + 1), "it to fire on")
        await change(cluster, schedule, paused=True)
        fired = await firings(cluster, schedule)
        last = occurrence_task_id(schedule["id"], due(schedule, fired[-1]))
        await until(lambda schedule=schedule, last=last: _has(cluster, schedule, last), "its last task")
        on_time = [firing for firing in fired if not away < due(schedule, firing) <= back]
        tasks = Counter(task(each) for each in await submitted(cluster, schedule))
        assert {id_: count for id_, count in tasks.items() if id_ not in in_the_outage(schedule)} == tasks_of(
            schedule, on_time
        )
    for (_, missed), schedule in schedules.items():
        assert len(await made_up_for(schedule)) == (1 if missed == "catch_up_once" else 0)


async def _has(cluster: Cluster, schedule: Json, wanted: str) -> bool:
    return wanted in [task(each) for each in await submitted(cluster, schedule)]


async def tables(cluster: Cluster) -> list[Json]:
    return await cluster.rows("SELECT * FROM schedules ORDER BY id")


@pytest.mark.invariant(7)
async def test_the_read_model_of_schedules_is_a_function_of_the_log(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker, projector = await cluster.start("api", "worker", "projector")
    await cluster.knows_kinds()
    fires, deleted, changed, cancelled = [await create(cluster) for _ in range(4)]
    for each in (fires, changed):
        await until(lambda each=each: _submitted(cluster, each, 2), "two tasks")
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


async def test_a_timer_that_the_broker_lost_is_set_again_if_its_schedule_is_active(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, _, projector = await cluster.start("api", "worker", "projector")
    await cluster.knows_kinds()
    lost, paused, there = await create(cluster), await create(cluster, paused=True), await create(cluster, every=3600)
    before = await get(cluster, lost, there["position"])
    await projector.stop()
    for each in (lost, paused):
        await purge(cluster.log, subjects.schedule_timer("local", each["id"]))
    untouched = await cluster.log.replayer.last(subjects.schedule_timer("local", there["id"]))

    (projector,) = await cluster.start("projector")
    await projector.heard("a schedule had lost its timer; it is set again", schedule=lost["id"])
    already = len(await firings(cluster, lost))
    await until(lambda: _fired(cluster, lost, already + 1), "it to fire again")
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
    await cluster.knows_kinds()
    fires, paused = await create(cluster), await create(cluster, paused=True)
    await until(lambda: _submitted(cluster, fires, 1), "a task")
    before = await get(cluster, fires, paused["position"])
    epoch = cluster.log.epoch
    await cluster.nats.stop()
    shutil.rmtree(cluster.place / "nats" / "jetstream")
    await cluster.nats.start()
    await until(lambda: cluster.log.epoch != epoch, "the log to be made anew")
    await until(lambda: _submitted(cluster, fires, 2), "it to fire again")
    first, *_ = await submitted(cluster, fires)
    after = await get(cluster, fires, f"{cluster.log.epoch}-{first.sequence}")
    for name in ("definition", "created_at", "updated_at"):
        assert after[name] == before[name]
    assert await firings(cluster, paused) == []
    assert (await get(cluster, paused))["definition"]["paused"]
    await end(cluster, fires)
