"""Limits over HTTP: two API processes count together, and what one of them does not serve, another one does."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import httpx
import pytest

from headrace.embedded.network import free_ports
from headrace.identity.limits import Allowance, Policy
from headrace.identity.secrets import Secrets
from tests.accounts import SECRET, Made
from tests.cluster import Cluster
from tests.conftest import ShareCluster
from tests.flow.identity.account_steps import new_person
from tests.flow.identity.session_steps import PASSWORD, make_account
from tests.flow.problems import check_problem
from tests.member import Member
from tests.sse import follow
from tests.waiting import until

LIMIT = 40
ADAS = tuple(f"ada{number}" for number in range(100))
# All of these are this machine.
ADDRESSES = tuple(f"127.0.0.{number}" for number in range(2, 100))


@pytest.fixture(scope="module")
async def cluster(share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    """Everything running with limits that are low, for accounts of which each test has its own."""
    limits = {"HEADRACE_LIMITS_FACTOR": "1", "HEADRACE_LIMITS_SUBMISSIONS": str(LIMIT), "HEADRACE_LIMITS_STREAMS": "2"}
    async with share_cluster("api", "worker", "projector", **limits) as cluster:
        yield cluster


@pytest.fixture(scope="module")
async def second(cluster: Cluster) -> str:
    """A second process, which serves all but what is for administrators."""
    _, url = await _spawn_api(cluster)
    return url


async def _spawn_api(cluster: Cluster) -> tuple[Member, str]:
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    member = await cluster.spawn("api", HEADRACE_API_BIND=bind, HEADRACE_API_MOUNTS="core,streams")
    await until(lambda: cluster.is_ready(member, f"http://{bind}"), "another API")
    return member, f"http://{bind}"


def window_of(made: Made) -> int:
    policy = Policy("submissions", LIMIT, 60)
    allowance = Allowance(policy, Secrets([SECRET]).hash(f"submissions {made.id}"))
    allowance.enter(time.time(), 0.0)
    return allowance.number


async def test_two_processes_accept_no_more_than_the_limit_and_one_says_where_the_other_routes_are(
    cluster: Cluster, second: str
) -> None:
    ada, body = await cluster.make_user("ada"), {"kind": "noop", "input": {}}
    first, other = (
        cluster.http_as(ada.key),
        httpx.AsyncClient(base_url=second, timeout=30, headers={"Authorization": f"Bearer {ada.key}"}),
    )
    async with other:
        began = window_of(ada)
        answers = await asyncio.gather(
            *(http.post("/api/v1/tasks", json=body) for _ in range(LIMIT) for http in (first, other))
        )
        windows = window_of(ada) - began + 1
        accepted = [answer for answer in answers if answer.status_code == 202]
        assert LIMIT <= len(accepted) <= windows * LIMIT
        assert len(await cluster.events("hr.tasks.queued.*.*.ada.>")) == len(accepted)
        assert all(answer.headers["RateLimit-Policy"] == f'"submissions";q={LIMIT};w=60' for answer in answers)
        for answer in answers:
            if answer.status_code != 202:
                problem = check_problem(answer, 429, "too_many_requests")
                assert 1 <= int(answer.headers["Retry-After"]) <= 60
                assert f"at most {LIMIT} submissions in 60 seconds" in problem["message"]
                assert answer.headers["RateLimit"].startswith('"submissions";r=0;t=')
        # Reading has a limit of its own, and others have their own of everything.
        assert (await first.get("/api/v1/tasks")).headers["RateLimit-Policy"] == '"reads";q=3000;w=60'
        assert (await cluster.http.post("/api/v1/tasks", json=body)).status_code == 202

        elsewhere = check_problem(await other.get("/api/v1/audit"), 404, "no_such_route")
        assert elsewhere["message"].endswith("this process serves core, streams; ask one that serves admin")
        assert (await other.get("/health/ready")).json()["checks"]["mounts"] == "ok; core, streams"
        await _check_places_are_shared(first, other)


async def _check_places_are_shared(first: httpx.AsyncClient, other: httpx.AsyncClient) -> None:
    """A stream at each of two processes takes both places at both of them, until it ends."""
    async with follow(first, "/api/v1/events"), follow(other, "/api/v1/events"):
        for http in (first, other):
            await until(lambda http=http: _is_refused(http), "it to be told of the other stream")
            problem = check_problem(await http.get("/api/v1/events"), 429, "too_many_requests")
            assert "2 event streams open at a time" in problem["message"]
    for http in (first, other):
        await until(lambda http=http: _can_follow(http), "the places of streams that have ended")


@pytest.mark.slow
async def test_streams_of_a_killed_process_hold_their_account_up_for_seconds(cluster: Cluster) -> None:
    ada = await cluster.make_user()
    member, url = await _spawn_api(cluster)
    here, there = cluster.http_as(ada.key), cluster.http_as(ada.key)
    there.base_url = httpx.URL(url)
    async with follow(there, "/api/v1/events"), follow(there, "/api/v1/events"):
        await until(lambda: _is_refused(here), "it to be told of the other streams")
        await member.kill()
        assert await _is_refused(here)
        await until(lambda: _can_follow(here), "the places of a process that is not there any more", patience=15)


async def _is_refused(http: httpx.AsyncClient) -> bool:
    async with http.stream("GET", "/api/v1/events") as response:
        return response.status_code == 429


async def _can_follow(http: httpx.AsyncClient) -> bool:
    async with http.stream("GET", "/api/v1/events") as response:
        return response.status_code == 200


async def test_registrations_and_attempts_to_sign_in_are_limited_by_address_over_both_processes(
    cluster: Cluster, second: str
) -> None:
    registrations, sign_ins = Policy("registrations", 5, 3600), Policy("sign_ins", 10, 60)
    urls = itertools.cycle((cluster.url, second))

    async def register(address: str) -> httpx.Response:
        return await _post_from(address, f"{next(urls)}/api/v1/users", new_person())

    async def attempt(address: str, email: str, password: str = "a wrong password") -> httpx.Response:
        body = {"email": email, "password": password}
        return await _post_from(address, f"{next(urls)}/api/v1/session", body)

    address = _whose_window_goes_on(registrations, ADDRESSES)
    assert [(await register(address)).status_code for _ in range(5)] == [202] * 5
    _check_over_limit(registrations, await register(address))
    assert (await register("127.0.1.1")).status_code == 202

    _, email = await make_account(cluster)
    address = _whose_window_goes_on(sign_ins, ADDRESSES)
    attempts = [await attempt(address, email) for _ in range(11)]
    assert [each.status_code for each in attempts] == [401] * 10 + [429]
    _check_over_limit(sign_ins, attempts[-1])
    recorded = await cluster.http.get("/api/v1/audit", params={"action": "sign_in.failed", "limit": 50})
    assert len(recorded.json()["items"]) == 10, "what is over the limit is not even in the audit"

    # Whoever spends what an address may does not keep the owner of the account out.
    assert [(await attempt("127.0.2.1", email, PASSWORD)).status_code for _ in range(2)] == [201] * 2


async def _post_from(address: str, url: str, body: Any) -> httpx.Response:
    """Post from one of the addresses of this machine."""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address=address), timeout=30) as http:
        return await http.post(url, json=body)


def _check_over_limit(policy: Policy, answer: httpx.Response) -> None:
    check_problem(answer, 429, "too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= policy.window + 1
    assert answer.headers["RateLimit-Policy"] == policy.header().decode()
    assert answer.headers["RateLimit"].startswith(f'"{policy.name}";r=0;t=')


@pytest.mark.slow
async def test_schedules_that_are_saved_at_once_at_two_processes_fire_no_more_often_than_one_may_submit(
    cluster: Cluster, second: str
) -> None:
    ada = await cluster.make_user()
    here, there = cluster.http_as(ada.key), cluster.http_as(ada.key)
    there.base_url = httpx.URL(second)
    # Of 30 firings a minute each, 40 permit one.
    asked = {"kind": "noop", "input": {}, "every": 2, "start_at": "2100-01-01T00:00:00Z"}
    async with here, there:
        made = await asyncio.gather(
            *(http.post("/api/v1/schedules", json=asked) for _ in range(6) for http in (here, there))
        )
        assert sorted(each.status_code for each in made) == [201] + [422] * 11
        # Likewise of paused ones that are resumed; what was deleted counts no more at once.
        paused = [(await here.post("/api/v1/schedules", json=asked | {"paused": True})).json()["id"] for _ in range(6)]
        (active,) = [each.json()["id"] for each in made if each.status_code == 201]
        assert (await here.delete(f"/api/v1/schedules/{active}")).status_code == 204
        resumed = await asyncio.gather(
            *(
                http.put(f"/api/v1/schedules/{id_}", json=asked)
                for id_, http in zip(paused, (here, there) * 3, strict=True)
            )
        )
        assert sorted(each.status_code for each in resumed) == [200] + [422] * 5


@pytest.mark.slow
async def test_what_a_key_may_not_do_does_not_use_up_what_its_owner_may(cluster: Cluster) -> None:
    ada, weak = await cluster.make_user("bea"), await cluster.make_user("bea", scopes=["tasks:read"])
    async with cluster.http_as(weak.key) as leaked:
        for _ in range(LIMIT + 1):
            check_problem(await leaked.post("/api/v1/tasks", json={"kind": "noop", "input": {}}), 403, "missing_scope")
    async with cluster.http_as(ada.key) as http:
        assert (await http.post("/api/v1/tasks", json={"kind": "noop", "input": {}})).status_code == 202


async def test_whoever_spends_the_limit_of_an_account_does_not_keep_it_from_revoking_the_key(cluster: Cluster) -> None:
    ada, leaked = await cluster.make_user("eve", role="admin"), await cluster.make_user("eve", role="admin")
    body = {"kind": "noop", "input": {}}
    async with cluster.http_as(leaked.key) as thief:
        for _ in range(LIMIT):
            await thief.post("/api/v1/tasks", json=body)
        check_problem(await thief.post("/api/v1/tasks", json=body), 429, "too_many_requests")
    async with cluster.http_as(ada.key) as http:
        assert (await http.delete(f"/api/v1/api-keys/{leaked.key_id}")).status_code == 204


@pytest.mark.slow
async def test_tasks_that_are_run_again_in_bulk_count_like_a_batch(cluster: Cluster) -> None:
    ada = await cluster.make_user(_whose_window_goes_on(Policy("submissions", LIMIT, 60), ADAS))
    async with cluster.http_as(ada.key) as http:
        made = (await http.post("/api/v1/batches", json={"kind": "noop", "inputs": [{}] * 301})).json()
        await until(lambda: _is_settled(http, made["id"]), "the batch")
        before = _left(await http.put(f"/api/v1/tasks/{made['id']}/cancellation"))
        selected = {"select": {"batch": made["id"], "state": ["succeeded"]}, "per_second": 500}
        again = await http.post("/api/v1/runs", json=selected)
        assert again.json().get("done") == 301, again.text
        assert _left(await http.put(f"/api/v1/tasks/{made['id']}/cancellation")) == before - 1 - 4


def _whose_window_goes_on(policy: Policy, names: Iterable[str], seconds: float = 30) -> str:
    """The first name whose present window does not end during a test: windows begin at another moment for each."""
    for name in names:
        allowance = Allowance(policy, Secrets([SECRET]).hash(f"{policy.name} {name}"))
        allowance.enter(time.time(), 0.0)
        if allowance.ends_at > seconds:
            return name
    raise AssertionError("all windows end at the same moment")


async def _is_settled(http: httpx.AsyncClient, batch: str) -> bool:
    return (await http.get(f"/api/v1/batches/{batch}")).json()["state"] == "settled"


def _left(answer: httpx.Response) -> int:
    return int(answer.headers["ratelimit"].partition("r=")[2].partition(";")[0])
