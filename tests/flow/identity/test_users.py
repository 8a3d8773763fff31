"""Accounts as administrators see and change them, and as their owners do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.cluster import Cluster
from tests.flow.identity.account_steps import NEW_PASSWORD, approved_person, decide, find_waiting, register, sign_in
from tests.flow.problems import check_problem
from tests.waiting import until


@pytest.mark.invariant(8)
async def test_a_member_reads_its_own_account_and_nobody_elses_and_decides_about_nobody(cluster: Cluster) -> None:
    made, other = await cluster.make_user(), await cluster.make_user(state="pending")
    client = cluster.http_as(made.key)
    own = await client.get(f"/api/v1/users/{made.id}")
    assert (own.status_code, own.json()["id"]) == (200, made.id)
    assert not {"password", "hash"} & own.json().keys()
    for foreign in (other.id, "local", "nobody", "no%20id"):
        check_problem(await client.get(f"/api/v1/users/{foreign}"), 404, "user_not_found")
        check_problem(await client.put(f"/api/v1/users/{foreign}", json={}), 404, "user_not_found")
    refused = [
        await client.get("/api/v1/users"),
        await client.put(f"/api/v1/users/{other.id}/decision", json={"state": "approved"}),
        await client.delete(f"/api/v1/users/{made.id}"),
        await client.post("/api/v1/service-accounts", json={"display_name": "robot"}),
    ]
    for answer in refused:
        check_problem(answer, 403, "forbidden")


@pytest.mark.parametrize("asked", [{"role": "admin"}, {"state": "active"}, {"display_name": "Ada", "role": "member"}])
async def test_nobody_gives_themselves_a_role_or_a_state(cluster: Cluster, asked: dict[str, Any]) -> None:
    person, id_ = await approved_person(cluster)
    client = await sign_in(cluster, person)
    check_problem(await client.put(f"/api/v1/users/{id_}", json=asked), 403, "forbidden")
    renamed = await client.put(f"/api/v1/users/{id_}", json={"display_name": "Countess"})
    assert (renamed.status_code, renamed.json()["display_name"]) == (200, "Countess")


async def test_an_api_key_changes_neither_name_nor_password_of_its_owner(cluster: Cluster) -> None:
    made = await cluster.make_user()
    client = cluster.http_as(made.key)
    check_problem(await client.put(f"/api/v1/users/{made.id}", json={"display_name": "Eve"}), 403, "forbidden")
    change = {"old": "whatever it is", "new": NEW_PASSWORD}
    check_problem(await client.put(f"/api/v1/users/{made.id}/password", json=change), 403, "forbidden")
    check_problem(await cluster.http.put(f"/api/v1/users/{made.id}/password", json=change), 403, "forbidden")


async def test_a_new_password_ends_the_other_sessions_of_the_account_and_no_key(cluster: Cluster) -> None:
    person, id_ = await approved_person(cluster)
    mine, other = await sign_in(cluster, person), await sign_in(cluster, person)
    assert (await other.get("/api/v1/tasks")).status_code == 200
    wrong = {"old": NEW_PASSWORD, "new": NEW_PASSWORD}
    check_problem(await mine.put(f"/api/v1/users/{id_}/password", json=wrong), 403, "wrong_password")
    change = {"old": person["password"], "new": NEW_PASSWORD}
    assert (await mine.put(f"/api/v1/users/{id_}/password", json=change)).status_code == 204
    check_problem(await other.get("/api/v1/tasks"), 401, "not_authenticated")
    assert (await mine.get("/api/v1/tasks")).status_code == 200
    check_problem(
        await cluster.http_as(None).post(
            "/api/v1/session", json={"email": person["email"], "password": person["password"]}
        ),
        401,
        "sign_in_refused",
    )
    await sign_in(cluster, {**person, "password": NEW_PASSWORD})


async def test_an_administrator_signs_a_user_out_everywhere_and_nobody_else_does(cluster: Cluster) -> None:
    person, id_ = await approved_person(cluster)
    signed_in, other = await sign_in(cluster, person), await cluster.make_user()
    sessions = f"/api/v1/users/{id_}/sessions"
    check_problem(await cluster.http_as(other.key).delete(sessions), 403, "forbidden")
    assert (await signed_in.get("/api/v1/tasks")).status_code == 200
    assert (await cluster.http.delete(sessions)).status_code == 204
    check_problem(await signed_in.get("/api/v1/tasks"), 401, "not_authenticated")
    check_problem(await cluster.http.delete("/api/v1/users/nobody/sessions"), 404, "user_not_found")
    by_address = await cluster.http.delete(f"/api/v1/users/{person['email']}/sessions")
    assert "GET /api/v1/users?q=" in check_problem(by_address, 404, "user_not_found")["message"]
    await sign_in(cluster, person)


async def test_an_unknown_reset_token_sets_no_password_and_is_not_logged(cluster: Cluster) -> None:
    token = f"secret-{uuid4().hex}"
    answer = await cluster.http_as(None).put("/api/v1/password", json={"token": token, "password": NEW_PASSWORD})
    check_problem(answer, 403, "invalid_one_time_token")
    assert not [line for member in cluster.members for line in member.lines if token in line]


async def test_a_disabled_account_is_refused_at_once_and_let_in_again_when_it_is_active(cluster: Cluster) -> None:
    made = await cluster.make_user()
    client = cluster.http_as(made.key)
    assert (await client.get("/api/v1/tasks")).status_code == 200
    disabled = await cluster.http.put(f"/api/v1/users/{made.id}", json={"state": "disabled", "reason": "on leave"})
    assert (disabled.json()["state"], disabled.json()["reason"]) == ("disabled", "on leave")
    unreadable = await cluster.http.put(f"/api/v1/users/{made.id}", json={"state": "disabled", "reason": "on\0leave"})
    assert unreadable.status_code == 400
    check_problem(await client.get("/api/v1/tasks"), 401, "not_authenticated")
    await cluster.http.put(f"/api/v1/users/{made.id}", json={"state": "active"})
    assert (await client.get("/api/v1/tasks")).status_code == 200


async def test_tasks_that_an_account_runs_again_one_by_one_stop_when_it_is_disabled(cluster: Cluster) -> None:
    made = await cluster.make_user()
    client = cluster.http_as(made.key)
    tasks = [(await client.post("/api/v1/tasks", json={"kind": "noop", "input": {}})).json() for _ in range(8)]
    await cluster.all_finished([task["id"] for task in tasks])
    at_least = {"at_least": f"{cluster.log.epoch}-{(await cluster.log.refresh()).last_sequence}"}
    again = {"select": {"kind": ["noop"]}, "per_second": 1}
    running = asyncio.create_task(client.post("/api/v1/runs", json=again, params=at_least))

    async def queued() -> int:
        return len(await cluster.events(f"hr.tasks.queued.noop.*.{made.id}.*"))

    await until(lambda: _is_more(queued, len(tasks)), "the first to run again")
    await cluster.http.put(f"/api/v1/users/{made.id}", json={"state": "disabled"})
    check_problem(await running, 401, "not_authenticated")
    assert await queued() < 2 * len(tasks)


async def _is_more(count: Callable[[], Awaitable[int]], than: int) -> bool:
    return await count() > than


async def test_a_deleted_account_has_no_credential_any_more_and_its_tasks_stay_under_its_id(cluster: Cluster) -> None:
    person, id_ = await approved_person(cluster)
    session, made = await sign_in(cluster, person), await cluster.make_user(id_)
    with_key = cluster.http_as(made.key)
    accepted = (await with_key.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "stays"}})).json()
    assert (await session.get("/api/v1/tasks")).status_code == 200
    assert (await cluster.http.delete(f"/api/v1/users/{id_}")).status_code == 204
    for client in (session, with_key):
        check_problem(await client.get("/api/v1/tasks"), 401, "not_authenticated")
    check_problem(await cluster.http.get(f"/api/v1/users/{id_}"), 404, "user_not_found")
    check_problem(await cluster.http.delete(f"/api/v1/users/{id_}"), 404, "user_not_found")

    async def finished() -> bool:
        answer = await cluster.http.get(f"/api/v1/tasks/{accepted['id']}", params={"owner": id_, "wait": 10})
        return answer.status_code == 200 and answer.json()["state"] == "succeeded"

    await until(finished, "the task of the account")
    entries = (await cluster.http.get("/api/v1/audit", params={"subject": id_, "action": "user.deleted"})).json()
    assert [entry["actor"] for entry in entries["items"]] == ["local"]

    # Whoever registers with the address gets another account, to which nothing of the first one belongs.
    assert (await register(cluster, person)).status_code == 202
    again = (await find_waiting(cluster, person))["id"]
    assert again != id_
    assert (await decide(cluster, again, "approved")).status_code == 200
    assert (await (await sign_in(cluster, person)).get("/api/v1/tasks")).json()["items"] == []


async def test_an_account_for_a_program_has_neither_address_nor_password_and_stays_one(cluster: Cluster) -> None:
    name = f"robot {uuid4().hex}"
    made = await cluster.http.post("/api/v1/service-accounts", json={"display_name": name})
    assert made.status_code == 201
    user = made.json()
    assert (user["role"], user["state"], user["email"]) == ("service", "active", None)
    assert made.headers["Location"] == f"/api/v1/users/{user['id']}"
    (listed,) = (await cluster.http.get("/api/v1/users", params={"role": "service", "q": name.upper()})).json()["items"]
    assert listed == user
    for role in ("admin", "member"):
        answer = await cluster.http.put(f"/api/v1/users/{user['id']}", json={"role": role})
        check_problem(answer, 422, "invalid_input")


async def test_the_pages_of_a_search_follow_each_other(cluster: Cluster) -> None:
    mark = uuid4().hex
    made = [await cluster.make_user(f"{mark}-{n}") for n in range(3)]
    parameters: dict[str, Any] = {"q": mark, "limit": 2, "state": "active"}
    first = (await cluster.http.get("/api/v1/users", params=parameters)).json()
    parameters["cursor"] = first["next_cursor"]
    second = (await cluster.http.get("/api/v1/users", params=parameters)).json()
    assert [each["id"] for each in first["items"] + second["items"]] == [each.id for each in reversed(made)]
    assert second["next_cursor"] is None
    assert (await cluster.http.get("/api/v1/users", params={"q": f"{mark}%"})).json()["items"] == []
    check_problem(await cluster.http.get("/api/v1/users", params={"q": "a\0b"}), 400, "malformed_request")
