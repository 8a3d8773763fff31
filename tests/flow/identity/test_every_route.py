"""Every route of the OpenAPI document, asked by those who may not have what it has: they are refused, and shown nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest

from headrace.contracts.identity import Role, UserState
from headrace.identity.access_tokens import AccessTokens
from headrace.identity.key_format import make_key
from headrace.identity.secrets import Secrets
from tests.accounts import AUTHORIZATION, SECRET
from tests.cluster import Cluster
from tests.flow.identity.session_steps import make_account, sign_in
from tests.sse import follow
from tests.waiting import until

MARK = "for the eyes of its owner only"
READ_SECONDS = 0.2  # of a stream that has nothing for whoever reads it

REFUSED = {
    "nothing": {401},
    "garbage": {401},
    "another scheme": {401},
    "a key that was never made": {401},
    "a revoked key": {401},
    "an expired key": {401},
    "a pending user's key": {401, 403},
    "a rejected user's key": {401, 403},
    "a disabled user's key": {401, 403},
    "a key without a scope": {403},
    "a token of another installation": {401},
    "a token of a session that has ended": {401},
    "a pending user's session": {403, 404},
    "a rejected user's session": {403, 404},
}
# What an account that is not active may do all the same: read its own state, and sign out.
OWN_STATE = {("GET", "/api/v1/session"), ("GET", "/bff/v1/session"), ("DELETE", "/api/v1/sessions")}


class Owned(NamedTuple):
    """What the owner has: a value for every parameter of a path."""

    ids: dict[str, str]
    before: str

    def path(self, template: str) -> str:
        return template.format_map(self.ids)


@pytest.fixture(scope="module")
async def owned(cluster: Cluster) -> Owned:
    """A task, a batch and a schedule of the administrator, all of them with the mark."""
    before = (await cluster.submit("noop"))["position"]
    task = await cluster.submit("echo", text=MARK)
    batch = await cluster.http.post("/api/v1/batches", json={"kind": "echo", "name": MARK, "inputs": [{"text": MARK}]})
    definition = {"kind": "echo", "input": {"text": MARK}, "every": 86_400}
    schedule = await cluster.http.post("/api/v1/schedules", json=definition)
    assert (batch.status_code, schedule.status_code) == (202, 201)
    await cluster.outcome(task["id"])
    ids = {"task": task["id"], "batch": batch.json()["id"], "schedule": schedule.json()["id"], "kind": "echo"}
    return Owned(ids, before)


@pytest.fixture(scope="module")
async def operations(cluster: Cluster) -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation that asks for a credential, whose parameters of the path are known here."""
    document = (await cluster.http.get("/api/docs/openapi.json")).json()
    found = [
        (method.upper(), path, operation)
        for path, every in document["paths"].items()
        for method, operation in every.items()
        if "security" in operation
    ]
    assert len(found) > 25
    return found


def session_of(user: str, state: UserState = UserState.ACTIVE, secret: str = SECRET) -> dict[str, str]:
    """The headers of a request of a session, as an API with this secret signs its token."""
    issued = AccessTokens(Secrets([secret])).issue(user, "session", Role.ADMIN, state)
    return {"Authorization": f"Bearer {issued.token}"}


async def credential(cluster: Cluster, who: str) -> dict[str, str]:
    """The headers of a request of somebody who is to be refused."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    match who:
        case "nothing":
            return {}
        case "garbage":
            return {"Authorization": "Bearer garbage"}
        case "another scheme":
            return {"Authorization": "Basic bG9jYWw6bG9jYWw="}
        case "a key that was never made":
            return {"Authorization": f"Bearer {make_key()}"}
        case "a revoked key":
            made = await cluster.make_user(is_revoked=True)
        case "an expired key":
            made = await cluster.make_user(expires_at=past)
        case "a token of another installation":
            return session_of("local", secret="x" * 32)
        case "a token of a session that has ended":
            _, email = await make_account(cluster, role="admin")
            signed_in = await sign_in(cluster.http_as(None), email)
            ended = {"Authorization": f"Bearer {signed_in['tokens']['access_token']}"}
            assert (await cluster.http_as(None).delete("/api/v1/session", headers=ended)).status_code == 204
            return ended
        case "a pending user's session" | "a rejected user's session":
            state = UserState(who.split("'")[0].split()[1])
            return session_of((await cluster.make_user(role="admin", state=state)).id, state=state)
        case "a key without a scope":
            made = await cluster.make_user(role="admin", scopes=[])
        case _:
            made = await cluster.make_user(role="admin", state=who.split("'")[0].split()[1])
    return {"Authorization": f"Bearer {made.key}"}


async def ask(http: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """The status of an answer, and its text; of a stream, what it has at first."""
    body = {} if method == "GET" else {"json": {}}
    async with http.stream(method, path, headers=headers, **body) as response:
        text = ""
        try:
            async with asyncio.timeout(READ_SECONDS if "event-stream" in response.headers["Content-Type"] else 30):
                async for part in response.aiter_text():
                    text += part
        except TimeoutError:
            pass
        return response.status_code, text


@pytest.mark.invariant(8)
@pytest.mark.parametrize("who", REFUSED)
async def test_every_route_refuses(
    cluster: Cluster, owned: Owned, operations: list[tuple[str, str, dict[str, Any]]], who: str
) -> None:
    headers, http = await credential(cluster, who), cluster.http_as(None)
    for method, template, operation in operations:
        if who == "a key without a scope" and not any(operation["security"][0].values()):
            continue
        if who.endswith("user's session") and (method, template) in OWN_STATE:
            continue
        try:
            path = owned.path(template)
        except KeyError:
            # There is nothing of this kind here; it is asked for with an id that nobody has.
            path = template.replace("{", "").replace("}", "")
        status, text = await ask(http, method, path, headers)
        assert status in REFUSED[who], (method, path, status, text)
        assert MARK not in text, (method, path)


@pytest.mark.invariant(8)
async def test_every_route_refuses_a_body_that_arrives_after_its_account_was_disabled(
    cluster: Cluster, owned: Owned, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    made = await cluster.make_user(role="admin")
    http = cluster.http_as(made.key)
    under_way, is_disabled = asyncio.Semaphore(0), asyncio.Event()

    async def slow_body() -> AsyncIterator[bytes]:
        yield b"{"
        under_way.release()
        await is_disabled.wait()
        yield b"}"

    async def send(method: str, path: str, media_type: str) -> tuple[str, str, int]:
        answer = await http.request(method, path, content=slow_body(), headers={"Content-Type": media_type})
        return method, path, answer.status_code

    slow = [
        (
            method,
            template.replace("{", "").replace("}", "") if "{user}" in template else owned.path(template),
            media_type,
        )
        for method, template, operation in operations
        for media_type in operation.get("requestBody", {}).get("content", ())
    ]
    assert len(slow) > 12
    sending = [asyncio.create_task(send(*each)) for each in slow]
    for _ in sending:
        await under_way.acquire()
    # What was sent so far is on its way; a request that is asked after it shows that the process has seen it.
    assert (await http.get("/api/v1/session")).status_code == 200
    answer = await cluster.http.put(f"/api/v1/users/{made.id}", json={"state": "disabled"})
    assert answer.status_code == 200, answer.text
    is_disabled.set()
    # The inputs of a batch are looked at one by one while they arrive, and these are none. A file has to have a name.
    early = {"/api/v1/batches": {400, 401}, "/api/v1/files/content": {400}}
    expected = {path: early.get(path, {401}) for _, path, _ in slow}
    assert [each for each in await asyncio.gather(*sending) if each[-1] not in expected[each[1]]] == []


@pytest.mark.invariant(8)
async def test_no_route_shows_a_stranger_anything_of_somebody_else(
    cluster: Cluster, owned: Owned, operations: list[tuple[str, str, dict[str, Any]]]
) -> None:
    stranger = await cluster.make_user()
    http = cluster.http_as(stranger.key)
    for method, template, operation in operations:
        if not template.startswith("/api/v1/") or (method == "DELETE" and "{" not in template):
            continue
        try:
            path = owned.path(template)
        except KeyError:
            continue
        status, text = await ask(http, method, path, {})
        assert MARK not in text, (method, path)
        assert all(owned.ids[of] not in text or status >= 400 for of in ("task", "batch", "schedule")), (method, path)
        if "{" in template and "{kind}" not in template:
            # 501: there are no follow links here, whoever asks.
            assert status in (400, 404, 422, 501), (method, path, status, text)
        if "admin" in operation["security"][0].get("bearer", ()):
            assert status == 403, (method, path, status, text)
    found = (await cluster.http.get(f"/api/v1/tasks/{owned.ids['task']}")).json()
    assert (found["state"], found["attempt"]) == ("succeeded", 1)
    assert (await cluster.http.get(f"/api/v1/schedules/{owned.ids['schedule']}")).status_code == 200


@pytest.mark.invariant(8)
async def test_a_stranger_follows_everything_and_is_given_only_its_own_live_and_from_history(
    cluster: Cluster, owned: Owned
) -> None:
    stranger = await cluster.make_user()
    http = cluster.http_as(stranger.key)
    task, batch = owned.ids["task"], owned.ids["batch"]
    for query in (f"task={task}", f"batch={batch}", "kind=echo"):
        async with follow(http, f"/api/v1/events?{query}&after={owned.before}") as stream:
            assert (await stream.next()).event == ""
    async with follow(http, f"/api/v1/events?after={owned.before}") as stream:
        assert (await stream.next()).event == ""
        await cluster.outcome((await cluster.submit("echo", text=MARK))["id"])
        answer = await http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "mine"}})
        own = answer.json()
        assert (answer.status_code, own["owner"]) == (202, stranger.id)
        assert [(each.event, each.data["task"]) for each in await stream.take(3)] == [
            (event, own["id"]) for event in ("queued", "started", "finished")
        ]
    listed = (await http.get("/api/v1/tasks", params={"at_least": own["position"]})).json()["items"]
    assert [each["id"] for each in listed] == [own["id"]]


@pytest.mark.invariant(8)
async def test_only_an_administrator_reads_what_belongs_to_others_and_says_whose(
    cluster: Cluster, owned: Owned
) -> None:
    member, admin = await cluster.make_user(), await cluster.make_user(role="admin")
    tasks, task = "/api/v1/tasks", f"/api/v1/tasks/{owned.ids['task']}"
    for path in (tasks, task, f"{task}/timeline", f"{task}/events", "/api/v1/events", "/api/v1/batches"):
        answer = await cluster.http_as(member.key).get(path, params={"owner": "local"})
        assert (answer.status_code, answer.json()["error_code"]) == (403, "forbidden"), path
    http = cluster.http_as(admin.key)
    # Without a word about it, an administrator sees its own, too.
    assert (await http.get(tasks)).json()["items"] == []
    assert (await http.get(task)).status_code == 404
    assert (await http.get(task, params={"owner": "local"})).json()["input"] == {"text": MARK}
    listed = await http.get(tasks, params={"owner": "local", "kind": "echo"})
    assert owned.ids["task"] in {each["id"] for each in listed.json()["items"]}
    async with follow(http, f"{task}/events?owner=local") as stream:
        assert [each.event for each in await stream.rest()] == ["queued", "started", "finished"]
    # To change what belongs to others it is not enough to name them.
    refused = await http.put(f"{task}/cancellation", params={"owner": "local"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "malformed_request")
    nobody = await http.get(tasks, params={"owner": "no*body"})
    assert nobody.status_code == 400


async def test_a_key_does_what_its_scopes_say_and_nothing_else(cluster: Cluster, owned: Owned) -> None:
    reader = cluster.http_as((await cluster.make_user("reader", scopes=["tasks:read"])).key)
    writer = cluster.http_as((await cluster.make_user("writer", scopes=["tasks:write"])).key)
    boss = cluster.http_as((await cluster.make_user("boss", scopes=["tasks:read", "admin"])).key)
    body = {"kind": "noop", "input": {}}
    assert (await writer.post("/api/v1/tasks", json=body)).status_code == 202
    for http, method, path in (
        (reader, "POST", "/api/v1/tasks"),
        (writer, "GET", "/api/v1/tasks"),
        (writer, "POST", "/api/v1/schedules"),
        (writer, "POST", "/api/v1/tasks?follow_link=60"),
    ):
        answer = await http.request(method, path, json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "missing_scope"), path
    # A member whose key was given the scope of administrators is none.
    answer = await boss.put("/api/v1/kinds/noop/pause")
    assert (answer.status_code, answer.json()["error_code"]) == (403, "forbidden")


async def test_a_key_stops_working_the_moment_it_expires(cluster: Cluster) -> None:
    made = await cluster.make_user(expires_at=datetime.now(UTC) + timedelta(seconds=1.5))
    http = cluster.http_as(made.key)
    assert (await http.get("/api/v1/kinds")).status_code == 200

    async def is_refused() -> bool:
        return (await http.get("/api/v1/kinds")).status_code == 401

    await until(is_refused, "the key to expire", 5)


async def test_two_credentials_in_one_request_are_refused(cluster: Cluster) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", cluster.http.base_url.port)
    twice = f"{AUTHORIZATION}\r\nAuthorization: Bearer another"
    writer.write(f"GET /api/v1/kinds HTTP/1.1\r\nHost: x\r\n{twice}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"authorization more than once" in answer
