"""What a client gets that asks for a schedule that cannot be kept, or for one that is not there."""

from __future__ import annotations

import uuid

import httpx
import pytest

from headrace.contracts.schedules import ScheduleDefinition, ScheduleSaved
from headrace.lifecycle.schedules import not_deleted, save_schedule
from headrace.store.schedules import SCHEDULES_PER_OWNER_MAX
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.problems import check_problem
from tests.flow.schedule_steps import EVERY_SECOND, Json, create, end


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
        ({"name": "every\u202ehour"}, ["/name"]),
        ({"name": "every\nhour"}, ["/name"]),
        ({"start_at": "2999-01-02T00:00:00Z", "end_at": "2999-01-01T00:00:00Z"}, ["/start_at"]),
        ({"kind": "echo", "input": {"text": 1}}, ["/input/text"]),
    ],
)
async def test_a_schedule_that_cannot_be_kept_is_refused_with_every_wrong_field(
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
async def test_a_body_that_is_no_schedule_is_refused_with_the_path(cluster: Cluster, given: Json, path: str) -> None:
    answer = await cluster.http.post("/api/v1/schedules", json=EVERY_SECOND | given)
    assert [error["path"] for error in check_problem(answer, 400, "malformed_request")["errors"]] == [path]


async def test_a_schedule_of_an_unknown_kind_or_with_too_large_an_input_is_refused(cluster: Cluster) -> None:
    answer = await cluster.http.post("/api/v1/schedules", json=EVERY_SECOND | {"kind": "nope"})
    check_problem(answer, 422, "unknown_kind")
    large = {"kind": "echo", "input": {"text": "x" * 300_000}, "every": 60}
    check_problem(await cluster.http.post("/api/v1/schedules", json=large), 413, "too_large")


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
    await cluster.until_kinds_known()
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
