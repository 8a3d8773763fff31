"""From asking for an account to working with it, or not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster
from tests.flow.identity.account_steps import PASSWORD, decide, find_waiting, new_person, register, sign_in
from tests.flow.problems import check_problem

# They differ with each request, whatever it asks for.
OF_THE_REQUEST = {"date", "x-request-id", "x-correlation-id", "ratelimit"}


@pytest.mark.invariant(8)
async def test_two_people_register_wait_are_decided_about_and_see_only_what_is_theirs(cluster: Cluster) -> None:
    ada, bob = new_person("Ada"), new_person("Bob")
    for person in (ada, bob):
        assert (await register(cluster, person)).status_code == 202
    hers, his = await find_waiting(cluster, ada), await find_waiting(cluster, bob)
    assert (hers["state"], hers["role"], hers["display_name"]) == ("pending", "member", "Ada")

    # Who waits can sign in and read their own state, and nothing else.
    as_bob = await sign_in(cluster, bob)
    assert (await as_bob.get(f"/api/v1/users/{his['id']}")).json()["state"] == "pending"
    check_problem(await as_bob.get(f"/api/v1/users/{hers['id']}"), 404, "user_not_found")
    task = {"kind": "echo", "input": {"text": "hello"}}
    check_problem(await as_bob.post("/api/v1/tasks", json=task), 403, "account_not_active")

    approved = await decide(cluster, hers["id"], "approved")
    assert (approved.status_code, approved.json()["state"], approved.json()["decided_by"]) == (200, "active", "local")
    await decide(cluster, his["id"], "rejected", "Who is Bob?")
    as_ada, as_bob = await sign_in(cluster, ada), await sign_in(cluster, bob)
    seen = (await as_bob.get(f"/api/v1/users/{his['id']}")).json()
    assert (seen["state"], seen["reason"]) == ("rejected", "Who is Bob?")
    check_problem(await as_bob.get("/api/v1/tasks"), 403, "account_not_active")

    accepted = await as_ada.post("/api/v1/tasks", json=task)
    assert (accepted.status_code, accepted.json()["owner"]) == (202, hers["id"])
    assert (await decide(cluster, his["id"], "approved")).json()["reason"] is None
    as_bob = await sign_in(cluster, bob)
    check_problem(await as_bob.get(f"/api/v1/tasks/{accepted.json()['id']}"), 404, "task_not_found")
    at_least = {"at_least": accepted.json()["position"]}
    assert (await as_bob.get("/api/v1/tasks", params=at_least)).json()["items"] == []
    assert [each["id"] for each in (await as_ada.get("/api/v1/tasks", params=at_least)).json()["items"]] == [
        accepted.json()["id"]
    ]
    check_problem(await as_ada.get("/api/v1/users"), 403, "forbidden")


async def test_who_registers_with_an_address_that_has_an_account_is_answered_like_everybody(cluster: Cluster) -> None:
    person = new_person()
    answers = [
        await register(cluster, each)
        for each in (person, person, {**person, "email": person["email"].upper(), "display_name": "Eve"})
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [answer.json() for answer in answers] == [{"state": "pending"}] * 3
    first, *others = (
        {name: value for name, value in answer.headers.items() if name not in OF_THE_REQUEST} for answer in answers
    )
    assert others == [first, first]
    assert (await find_waiting(cluster, person))["display_name"] == "Ada"


@pytest.mark.parametrize(
    ("differing", "status", "path"),
    [
        ({"password": "eleven char"}, 400, "/password"),
        ({"password": "x" * 129}, 400, "/password"),
        ({"password": "qwertyqwerty"}, 422, "/password"),
        ({"password": "Ada headrace"}, 422, "/password"),
        ({"email": "nobody"}, 400, "/email"),
        ({"email": "a\0b@example.com"}, 400, "/email"),
        ({"display_name": "Ada\0"}, 400, "/display_name"),
        ({"display_name": ""}, 400, "/display_name"),
        ({"role": "admin"}, 400, ""),
        ({"state": "active"}, 400, ""),
        ({"id": "local"}, 400, ""),
    ],
)
async def test_a_registration_that_cannot_be_taken_says_why_and_never_repeats_the_password(
    cluster: Cluster, differing: dict[str, Any], status: int, path: str
) -> None:
    person = new_person(**differing)
    answer = await register(cluster, person)
    problem = check_problem(answer, status, "malformed_request" if status == 400 else "invalid_input")
    assert [each["path"] for each in problem["errors"]] == [path]
    assert person["password"] not in answer.text


@pytest.mark.parametrize(
    "password", ["пароль за рекой", "with\0a NUL in it", "\N{GRINNING FACE}" * 128, " " * 6 + PASSWORD]
)
async def test_a_password_of_any_characters_signs_in(cluster: Cluster, password: str) -> None:
    person = new_person(password=password)
    assert (await register(cluster, person)).status_code == 202
    await sign_in(cluster, person)
    wrong = {"email": person["email"], "password": password[:-1] + "?"}
    check_problem(await cluster.http_as(None).post("/api/v1/session", json=wrong), 401, "sign_in_refused")


async def test_an_approved_account_is_not_rejected_and_a_disabled_one_not_approved(cluster: Cluster) -> None:
    made = await cluster.make_user()
    check_problem(await decide(cluster, made.id, "rejected"), 409, "wrong_user_state")
    assert (await decide(cluster, made.id, "approved")).status_code == 200
    assert (await cluster.http.put(f"/api/v1/users/{made.id}", json={"state": "disabled"})).status_code == 200
    check_problem(await decide(cluster, made.id, "approved"), 409, "wrong_user_state")
    check_problem(await decide(cluster, "nobody", "approved"), 404, "user_not_found")
    check_problem(await decide(cluster, made.id, "considered"), 400, "malformed_request")
