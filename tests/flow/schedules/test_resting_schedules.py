"""Schedules of accounts that may start nothing new: they rest, and say why, or end with the account."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.accounts import Made
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.schedule_steps import EVERY_SECOND, Json, due, has_submitted, submitted, task, tasks_of
from tests.flow.schedule_steps import create as create_as_local
from tests.member import Member
from tests.waiting import until


async def create(cluster: Cluster, made: Made, **given: Any) -> Json:
    answer = await cluster.http_as(made.key).post("/api/v1/schedules", json=EVERY_SECOND | given)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def set_state(cluster: Cluster, made: Made, state: str) -> None:
    answer = await cluster.http.put(f"/api/v1/users/{made.id}", json={"state": state})
    assert answer.status_code == 200, answer.text


async def shown(cluster: Cluster, schedule: Json) -> Json:
    """The schedule as administrators see it, in the list and alone."""
    parameters = {"owner": schedule["owner"], "at_least": schedule["position"]}
    answer = await cluster.http.get(f"/api/v1/schedules/{schedule['id']}", params=parameters)
    assert answer.status_code == 200, answer.text
    (listed,) = (await cluster.http.get("/api/v1/schedules", params=parameters)).json()["items"]
    assert listed["resting"] == answer.json()["resting"]
    return listed


def skipped(projector: Member, schedule: Json) -> list[Json]:
    return projector.logged("a firing is skipped", schedule=schedule["id"])


async def test_the_schedules_of_a_disabled_account_rest_and_go_on_without_what_they_have_missed(
    cluster: Cluster,
) -> None:
    (projector,) = (member for member in cluster.members if member.name == "projector")
    made = await cluster.make_user()
    schedule = await create(cluster, made)
    assert schedule["resting"] is None
    await until(lambda: has_submitted(cluster, schedule, 1), "a task")
    await set_state(cluster, made, "disabled")
    await until(lambda: len(skipped(projector, schedule)) >= 2, "firings to be skipped")
    before = await submitted(cluster, schedule)
    rests = (await shown(cluster, schedule))["resting"]
    assert rests["reason"] == "account_disabled"
    assert "goes on when the account is enabled again" in rests["message"]
    await set_state(cluster, made, "active")
    await until(lambda: has_submitted(cluster, schedule, len(before) + 1), "it to go on")
    assert (await shown(cluster, schedule))["resting"] is None

    assert (await cluster.http_as(made.key).delete(f"/api/v1/schedules/{schedule['id']}")).status_code == 204
    fired = await cluster.events(f"hr.schedules.fired.{made.id}.{schedule['id']}")
    tasks = Counter(task(record) for record in await submitted(cluster, schedule))
    assert tasks <= tasks_of(schedule, fired)
    # Those that were skipped are a block in the middle, and nothing has made up for them.
    have_task = [next(iter(tasks_of(schedule, [firing]))) in tasks for firing in sorted(fired, key=due)]
    first, last = have_task.index(False), len(have_task) - have_task[::-1].index(False)
    assert last - first >= 2
    assert not any(have_task[first:last])


async def test_the_schedules_of_a_deleted_account_end_with_it(cluster: Cluster) -> None:
    made = await cluster.make_user()
    fires, paused = await create(cluster, made), await create(cluster, made, paused=True)
    await until(lambda: has_submitted(cluster, fires, 1), "a task")
    assert (await cluster.http.delete(f"/api/v1/users/{made.id}")).status_code == 204
    for schedule in (fires, paused):
        (saved,) = await cluster.events(f"hr.schedules.saved.{made.id}.{schedule['id']}")
        assert saved.payload == b'{"event":"deleted"}'
        timers = await cluster.events(f"hr.timers.schedules.{made.id}.{schedule['id']}")
        assert [timer.payload for timer in timers] in ([], [b""])

    async def none_left() -> bool:
        return (await cluster.http.get("/api/v1/schedules", params={"owner": made.id})).json()["items"] == []

    await until(none_left, "the list to be empty")


@pytest.mark.slow
async def test_a_projector_that_starts_without_postgres_submits_nothing_until_it_knows_who_is_disabled(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    _, worker, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    made = await cluster.make_user()
    schedules = [await create(cluster, made), await create_as_local(cluster)]
    for schedule in schedules:
        await until(lambda schedule=schedule: has_submitted(cluster, schedule, 1), "a task")
    assert await projector.stop() == 0
    await set_state(cluster, made, "disabled")
    counts = [len(await submitted(cluster, schedule)) for schedule in schedules]
    async with cluster.without_postgres():
        projector = await cluster.spawn("projector")
        await projector.until_logged("Postgres does not say which accounts are disabled")
        assert [len(await submitted(cluster, schedule)) for schedule in schedules] == counts
    await until(lambda: skipped(projector, schedules[0]), "a firing to be skipped")
    await until(lambda: has_submitted(cluster, schedules[1], counts[1] + 1), "the other schedule to go on")
    assert len(await submitted(cluster, schedules[0])) == counts[0]
    assert worker.process.returncode is None

    # It goes on by what it knows.
    async with cluster.without_postgres():
        counts[1] = len(await submitted(cluster, schedules[1]))
        await until(lambda: has_submitted(cluster, schedules[1], counts[1] + 2), "firings without Postgres")
    assert len(await submitted(cluster, schedules[0])) == counts[0]
