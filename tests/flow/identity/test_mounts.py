"""Each mount as a process of its own: what it serves, where it says that the rest is, and one piece of work over all of them."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import httpx
import pytest

from headrace.api.mounts import Mount, document_of
from headrace.embedded.network import free_ports
from tests.accounts import SIGNED
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.identity.account_steps import new_person
from tests.flow.problems import check_problem
from tests.sse import follow
from tests.waiting import until

# A route of each mount.
ROUTES = {
    Mount.CORE: "/api/v1/tasks",
    Mount.ADMIN: "/api/v1/audit",
    Mount.STREAMS: "/api/v1/events",
    Mount.MEMBER: "/bff/v1/session",
}


@pytest.fixture
async def alone(make_cluster: MakeCluster) -> dict[Mount, httpx.AsyncClient]:
    """A client of each mount, which asks as an administrator unless a request says otherwise."""
    cluster = await make_cluster(HEADRACE_API_FOLLOW_SECRETS="f" * 40, HEADRACE_CONSUMERS="tests.kinds.plain")
    urls = dict(zip(Mount, (f"127.0.0.1:{port}" for port in free_ports(4)), strict=True))
    members = [await cluster.spawn("api", "--mount", mount, HEADRACE_API_BIND=bind) for mount, bind in urls.items()]
    await cluster.start("worker", "projector")
    for member, bind in zip(members, urls.values(), strict=True):
        await until(lambda member=member, bind=bind: cluster.is_ready(member, f"http://{bind}"), bind)
    return {mount: _client(cluster, bind) for mount, bind in urls.items()}


def _client(cluster: Cluster, bind: str) -> httpx.AsyncClient:
    client = cluster.http_as(None)
    client.base_url = httpx.URL(f"http://{bind}")
    client.headers.update(SIGNED)
    return client


@pytest.mark.slow
async def test_each_mount_is_a_process_of_its_own_and_together_they_are_the_whole(
    alone: dict[Mount, httpx.AsyncClient],
) -> None:
    for mount, http in alone.items():
        await _check_alone(mount, http)
    core, admin, streams = alone[Mount.CORE], alone[Mount.ADMIN], alone[Mount.STREAMS]

    # Registering and signing in is for everybody, and approving for administrators.
    ada = new_person()
    signed_in = {"email": ada["email"], "password": ada["password"]}
    assert (await core.post("/api/v1/users", json=ada)).status_code == 202
    (waiting,) = (await admin.get("/api/v1/users", params={"state": "pending"})).json()["items"]
    approved = await admin.put(f"/api/v1/users/{waiting['id']}/decision", json={"state": "approved"})
    assert approved.json()["state"] == "active"
    answer = await core.post("/api/v1/session", json=signed_in)
    check_problem(await streams.post("/api/v1/session", json=signed_in), 404, "no_such_route")
    as_ada = {"Authorization": f"Bearer {answer.json()['tokens']['access_token']}"}
    check_problem(await admin.get("/api/v1/users", headers=as_ada), 403, "forbidden")

    # What is submitted at one is followed at another, by whoever has submitted it and by whoever has the link.
    streams.headers.update(as_ada)
    async with follow(streams, "/api/v1/events") as everything:
        await until(lambda: _knows_kinds(core), "the kinds")
        task = await core.post(
            "/api/v1/tasks?follow_link=60", json={"kind": "echo", "input": {"text": "hello"}}, headers=as_ada
        )
        link = urlsplit(task.json()["follow_link"]["url"])
        del streams.headers["Authorization"]
        async with asyncio.timeout(10), follow(streams, f"{link.path}?{link.query}") as by_link:
            assert (await by_link.rest())[-1].event == "finished"
        assert (await everything.take(1))[0].data["task"] == task.json()["id"]

        # Signing out at one ends the streams at another.
        assert (await core.delete("/api/v1/session", headers=as_ada)).status_code == 204
        async with asyncio.timeout(10):
            await everything.rest()
    check_problem(await streams.get("/api/v1/events", headers=as_ada), 401, "not_authenticated")


async def _check_alone(mount: Mount, http: httpx.AsyncClient) -> None:
    """A process has its own health and its own document, and says where everything else is."""
    assert (await http.get("/health/live")).status_code == 200
    assert (await http.get("/health/ready")).json()["checks"]["mounts"] == f"ok; {mount}"
    own = (await http.get("/api/docs/openapi.json")).json()
    assert own == (await http.get(f"/api/docs/{document_of(mount)}.json")).json()
    for other, path in ROUTES.items():
        assert (path in own["paths"]) == (other is mount)
        if other is not mount:
            said = check_problem(await http.get(path), 404, "no_such_route")["message"]
            assert said.endswith(f"this process serves {mount}; ask one that serves {other}")
    if mount is not Mount.STREAMS:
        assert (await http.get(ROUTES[mount])).status_code == 200
    assert (await http.get("/api/docs")).status_code == 200


async def _knows_kinds(core: httpx.AsyncClient) -> bool:
    return any(each["name"] == "echo" for each in (await core.get("/api/v1/kinds")).json()["items"])
