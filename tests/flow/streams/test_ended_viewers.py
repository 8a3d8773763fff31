"""Streams end with the right to see them: at once, also at a process that has lost Postgres, and with no event after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from typing import Any, NamedTuple

import httpx
import pytest

from headrace.api.auth.revocations import Revocations
from headrace.contracts.identity import Role, UserState
from headrace.embedded.network import free_ports
from headrace.log import bucket_names
from tests.accounts import Made
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.follow_link_steps import NEW
from tests.flow.problems import check_problem
from tests.purge import purge
from tests.sse import Stream, follow
from tests.waiting import until

PATIENCE_SECONDS = 10.0  # within which a stream has ended
TOLD_SECONDS = 2.0  # within which a process knows


class Watched(NamedTuple):
    """A task of somebody that runs until its gate opens, and all who watch it at an API without Postgres.

    Attributes:
        live: Follows the task as it runs.
        replayed: Follows everything of the account, from the first event of the task on.
        by_link: Follows the task with a link.
    """

    cluster: Cluster
    ada: Made
    http: httpx.AsyncClient
    task: str
    link: str
    live: Stream
    replayed: Stream
    by_link: Stream


@pytest.fixture
async def watched(make_cluster: MakeCluster) -> AsyncGenerator[Watched]:
    cluster = await make_cluster(HEADRACE_API_FOLLOW_SECRETS=NEW, HEADRACE_CONSUMERS="tests.kinds.plain")
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    ada = await cluster.make_user("ada")
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    server, _, sockets = cluster.database_url.partition("?host=")
    way = cluster.place / "way-to-postgres"
    way.symlink_to(sockets)
    await cluster.spawn("api", HEADRACE_API_BIND=bind, HEADRACE_DATABASE_URL=f"{server}?host={way}")
    async with (
        AsyncExitStack() as stack,
        httpx.AsyncClient(
            base_url=f"http://{bind}", timeout=30, headers={"Authorization": f"Bearer {ada.key}"}
        ) as http,
    ):

        async def submitted() -> Any:
            with suppress(httpx.TransportError):
                answer = await http.post("/api/v1/tasks", json={"kind": "wait", "input": {"name": "gate"}})
                return answer.status_code == 202 and answer.json()

        task = (await until(submitted, "an API that knows the key"))["id"]
        link = (await http.post(f"/api/v1/tasks/{task}/follow-links", json={})).json()["url"]
        live = await stack.enter_async_context(follow(http, f"/api/v1/tasks/{task}/events"))
        first, *_ = await live.take(2)
        way.unlink()
        await cluster.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert (await http.get("/api/v1/batches")).status_code == 503
        replayed = await stack.enter_async_context(follow(http, "/api/v1/events", after=first.id))
        await replayed.take(1)
        anybody = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        by_link = await stack.enter_async_context(follow(anybody, link))
        await by_link.take(2)
        yield Watched(cluster, ada, http, task, link, live, replayed, by_link)


@pytest.mark.invariant(8)
async def test_a_revoked_key_ends_its_streams_and_no_link_that_it_has_made(watched: Watched) -> None:
    await Revocations(watched.cluster.log).note_key_revoked(watched.ada.key_id)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert "finished" not in {seen.event for seen in await watched.live.rest()}
        await watched.replayed.rest()
    # Without Postgres, nobody knows whose the key was.
    check_problem(await watched.http.get("/api/v1/events"), 503, "identity_unavailable")
    watched.cluster.open_gate("gate")
    assert (await watched.by_link.rest())[-1].event == "finished"


@pytest.mark.invariant(8)
async def test_a_disabled_account_ends_its_streams_and_its_links_for_good(watched: Watched) -> None:
    noted = Revocations(watched.cluster.log)
    await noted.note_user_changed(watched.ada.id, Role.MEMBER, UserState.DISABLED)
    async with asyncio.timeout(PATIENCE_SECONDS):
        for stream in (watched.live, watched.replayed, watched.by_link):
            assert "finished" not in {seen.event for seen in await stream.rest()}
    watched.cluster.open_gate("gate")
    async with httpx.AsyncClient() as anybody:
        check_problem(await anybody.get(watched.link), 401, "invalid_follow_token")

    # NATS has lost what it was told; a process that starts then finds it in Postgres.
    cluster = watched.cluster
    changed = await cluster.http.put(f"/api/v1/users/{watched.ada.id}", json={"state": "disabled"})
    assert changed.status_code == 200, changed.text
    await purge(cluster.log, bucket_names.IDENTITY_ENTRIES, bucket_names.IDENTITY_STREAM)
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    member = await cluster.spawn("api", HEADRACE_API_BIND=bind)
    await until(lambda: cluster.is_ready(member, f"http://{bind}"), "a new API")
    at_new = httpx.URL(watched.link).copy_with(netloc=bind.encode())

    async def is_refused() -> bool:
        async with httpx.AsyncClient() as anybody, anybody.stream("GET", at_new) as answer:
            return answer.status_code == 401

    await until(is_refused, "the new API to know", TOLD_SECONDS)


@pytest.mark.invariant(8)
async def test_an_administrator_who_becomes_a_member_follows_nobody_else_any_more(cluster: Cluster) -> None:
    boss, ada = await cluster.make_user(role="admin"), await cluster.make_user()
    of_boss, of_ada = cluster.http_as(boss.key), cluster.http_as(ada.key)
    echo = {"kind": "echo", "input": {"text": "x"}}
    async with (
        follow(of_boss, f"/api/v1/events?owner={ada.id}") as stream,
        follow(of_boss, "/bff/v1/admin/events") as everybody,
    ):
        before = (await of_ada.post("/api/v1/tasks", json=echo)).json()
        (seen,) = await stream.take(1)
        assert seen.data["task"] == before["id"]
        demoted = await cluster.http.put(f"/api/v1/users/{boss.id}", json={"role": "member"})
        assert (demoted.status_code, demoted.json()["role"]) == (200, "member")
        assert (await of_ada.post("/api/v1/tasks", json=echo)).status_code == 202
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert {seen.data["task"] for seen in await stream.rest()} <= {before["id"]}
            *_, last = [seen async for seen in everybody.all()]
    assert (last.event, last.id, last.data) == ("bye", "", {"reason": "role_changed"})
    for path in ("events", "tasks", f"tasks/{before['id']}"):
        check_problem(await of_boss.get(f"/api/v1/{path}", params={"owner": ada.id}), 403, "forbidden")
    # Nor does a link reach further: nobody makes one to what belongs to others.
    answer = await cluster.http.post(f"/api/v1/tasks/{before['id']}/follow-links?owner={ada.id}", json={})
    assert answer.status_code == 400
