"""Settings that administrators change while everything runs: who may, that nobody overwrites another, and that they take effect."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from headrace.embedded.network import free_ports
from headrace.log import bucket_names
from tests.accounts import SIGNED
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.problems import check_problem
from tests.screens import show
from tests.waiting import until

SETTINGS = "/api/v1/admin/settings"
TOLD_SECONDS = 2.0  # within which every process has a change


async def put(cluster: Cluster, **changed: Any) -> httpx.Response:
    """Replace the settings that hold now."""
    etag = (await cluster.http.get(SETTINGS)).headers["ETag"]
    answer = await cluster.http.put(SETTINGS, json=changed, headers={"If-Match": etag})
    assert answer.status_code == 200, answer.text
    return answer


async def test_settings_are_replaced_by_whoever_has_read_them_and_by_administrators_alone(cluster: Cluster) -> None:
    before = await cluster.http.get(SETTINGS)
    assert before.json()["registration"] == "open"
    check_problem(await cluster.http.put(SETTINGS, json={}), 428, "if_match_missing")
    made = await put(cluster, banner="Maintenance at noon")
    assert made.json()["banner"] == "Maintenance at noon"
    assert made.headers["ETag"] != before.headers["ETag"]
    for stale in (before.headers["ETag"], "*", "nothing"):
        again = await cluster.http.put(SETTINGS, json={}, headers={"If-Match": stale})
        check_problem(again, 412, "settings_changed")
    never = await cluster.http.put(SETTINGS, json={}, headers={"If-Match": '"999999"'})
    assert "the settings have version" in check_problem(never, 412, "settings_changed")["message"]
    assert (await cluster.http.get("/api/v1/installation")).json()["banner"] == "Maintenance at noon"
    (entry,) = (await cluster.http.get("/api/v1/audit", params={"action": "settings.changed", "limit": 1})).json()[
        "items"
    ]
    assert entry["data"]["changes"] == {"banner": {"from": None, "to": "Maintenance at noon"}}
    member = await cluster.make_user()
    async with cluster.http_as(member.key) as http:
        check_problem(await http.get(SETTINGS), 403, "forbidden")
        check_problem(await http.put(SETTINGS, json={}), 403, "forbidden")
    await put(cluster)


@pytest.mark.parametrize(
    "wrong",
    [
        {"registration": "maybe"},
        {"disabled_kinds": ["No Kind"]},
        {"banner": "two\nlines"},
        {"limits": {"reads": 0}},
        {"secrets": "x"},
    ],
)
async def test_settings_that_mean_nothing_are_refused(cluster: Cluster, wrong: dict[str, Any]) -> None:
    etag = (await cluster.http.get(SETTINGS)).headers["ETag"]
    answer = await cluster.http.put(SETTINGS, json=wrong, headers={"If-Match": etag})
    check_problem(answer, 400, "malformed_request")


async def test_settings_that_name_what_does_not_exist_are_refused(cluster: Cluster) -> None:
    read = await cluster.http.get(SETTINGS)
    named = {"disabled_kinds": ["noop", "nope"], "own_limits": {"nobody": {"reads": 1}}}
    refused = await cluster.http.put(SETTINGS, json=named, headers={"If-Match": read.headers["ETag"]})
    kind, account = check_problem(refused, 422, "invalid_input")["errors"]
    assert kind["path"] == "/disabled_kinds/1"
    assert kind["message"].startswith("there is no kind 'nope' (did you mean 'noop'?)")
    assert account["path"] == "/own_limits/nobody"


async def test_of_many_who_change_the_settings_at_once_one_does(cluster: Cluster) -> None:
    etag = (await cluster.http.get(SETTINGS)).headers["ETag"]
    answers = await asyncio.gather(
        *(cluster.http.put(SETTINGS, json={"banner": f"b{n}"}, headers={"If-Match": etag}) for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]
    await put(cluster)


async def test_a_disabled_kind_takes_no_submissions_and_what_was_accepted_before_is_answered_as_such(
    cluster: Cluster,
) -> None:
    keyed = {"Idempotency-Key": "before-it-was-disabled"}
    task = {"kind": "echo", "input": {"text": "x"}}
    first = await cluster.http.post("/api/v1/tasks", json=task, headers=keyed)
    assert first.status_code == 202

    async def disabled() -> list[str]:
        kinds = (await cluster.http.get("/api/v1/kinds")).json()["items"]
        return [kind["name"] for kind in kinds if not kind["enabled"]]

    assert await disabled() == []
    await put(cluster, disabled_kinds=["echo"])
    try:
        check_problem(await cluster.http.post("/api/v1/tasks", json=task), 409, "kind_disabled")
        batch = {"kind": "echo", "inputs": [{"text": "x"}]}
        check_problem(await cluster.http.post("/api/v1/batches", json=batch), 409, "kind_disabled")
        again = await cluster.http.post("/api/v1/tasks", json=task, headers=keyed)
        assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
        assert await disabled() == ["echo"]
        scheduled = await cluster.http.post("/api/v1/schedules", json={**task, "every": 3600})
        assert scheduled.json()["resting"]["reason"] == "kind_disabled"
        shown = await show(cluster.http, "member/schedules", at_least=scheduled.json()["position"])
        (entry,) = (each for each in shown["items"] if each["id"] == scheduled.json()["id"])
        assert (entry["next"], bool(entry["problem"])) == ([], True), "as on the dashboard, it has no next firing"
        assert (await cluster.http.post("/api/v1/tasks", json={"kind": "noop", "input": {}})).status_code == 202
    finally:
        await put(cluster)
    assert (await cluster.http.delete(scheduled.headers["Location"])).status_code == 204
    assert (await cluster.http.post("/api/v1/tasks", json=task)).status_code == 202


async def test_nobody_registers_while_registration_is_closed(cluster: Cluster) -> None:
    new = {"email": "late@example.com", "display_name": "Late", "password": "a sentence that nobody guesses"}
    await put(cluster, registration="closed")
    try:
        async with cluster.http_as(None) as http:
            check_problem(await http.post("/api/v1/users", json=new), 403, "registration_closed")
            assert (await http.get("/api/v1/installation")).json()["registration"] == "closed"
    finally:
        await put(cluster)


async def test_an_account_may_have_limits_of_its_own(cluster: Cluster) -> None:
    member = await cluster.make_user()
    await put(cluster, own_limits={member.id: {"reads": 7, "submissions": 40}})
    each_second: dict[str, Any] = {"kind": "noop", "input": {}, "every": 1}
    try:
        async with cluster.http_as(member.key) as http:
            answer = await http.get("/api/v1/tasks")
            assert answer.headers["RateLimit-Policy"] == '"reads";q=7;w=60'
            # What a schedule submits is bounded by the same limit.
            too_often = await http.post("/api/v1/schedules", json=each_second)
            assert (
                "would fire 60 times a minute, and may 40 times"
                in check_problem(too_often, 422, "invalid_input")["message"]
            )
            made = await http.post("/api/v1/schedules", json=each_second | {"every": 2})
            assert made.status_code == 201, made.text
            path = f"/api/v1/schedules/{made.json()['id']}"
            check_problem(await http.put(path, json=each_second), 422, "invalid_input")
            assert (await http.put(path, json=each_second | {"every": 3})).status_code == 200
            assert (await http.delete(path)).status_code == 204
    finally:
        await put(cluster)


@pytest.mark.slow
async def test_every_process_is_told_within_two_seconds_and_one_that_starts_without_postgres_knows(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "projector")
    ports = free_ports(2)
    await cluster.spawn("api", HEADRACE_API_BIND=f"127.0.0.1:{ports[0]}")
    async with httpx.AsyncClient(headers=SIGNED, timeout=10) as http:

        async def banner(port: int) -> str | None:
            try:
                answer = await http.get(f"http://127.0.0.1:{port}/api/v1/installation")
            except httpx.TransportError:
                return None
            return answer.json()["banner"] or "none"

        await until(lambda: banner(ports[0]), "another API")
        await put(cluster, banner="hello", disabled_kinds=["echo"])
        async with asyncio.timeout(TOLD_SECONDS):
            while await banner(ports[0]) != "hello":
                await asyncio.sleep(0.02)
        await cluster.spawn(
            "api",
            HEADRACE_API_BIND=f"127.0.0.1:{ports[1]}",
            HEADRACE_DATABASE_URL="postgresql://postgres@127.0.0.1:1/nowhere",
        )
        assert await until(lambda: banner(ports[1]), "an API without Postgres") == "hello"
    (record,) = (
        await cluster.log.replayer.page(bucket_names.SETTINGS_ENTRIES, stream=bucket_names.SETTINGS_STREAM)
    ).records
    assert json.loads(record.payload)["by"] == "local"


async def test_settings_of_a_newer_version_hold_as_far_as_they_are_known(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    newer = {"registration": "closed", "banner": "Upgraded", "sign_in": {"by": ["password"]}}
    await cluster.execute(
        f"INSERT INTO run_time_settings (version, at, by, document) VALUES (1, now(), 'local', '{json.dumps(newer)}')"
    )
    await cluster.start("api")

    async def is_told() -> bool:
        return (await cluster.http.get("/api/v1/installation")).json() == {
            "registration": "closed",
            "banner": "Upgraded",
        }

    await until(is_told, "the settings that are known to hold")
    answer = await cluster.http.get(SETTINGS)
    assert (answer.status_code, answer.json()["registration"]) == (200, "closed")
    assert "sign_in" not in answer.json()
