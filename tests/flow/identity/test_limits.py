"""Limits over HTTP: two API processes count together, and what one of them does not serve, another one does."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from headrace.embedded.network import free_ports
from headrace.identity.limits import Allowance, Policy
from headrace.identity.secrets import Secrets
from tests.accounts import SECRET, Made
from tests.cluster import Cluster, until
from tests.conftest import MakeCluster
from tests.flow.problems import check_problem
from tests.sse import follow

LIMIT = 40


@pytest.fixture
async def cluster(make_cluster: MakeCluster) -> Cluster:
    """Two processes: the first serves everything, the second only `core`."""
    return await make_cluster(
        HEADRACE_LIMITS_FACTOR="1", HEADRACE_LIMITS_SUBMISSIONS=str(LIMIT), HEADRACE_LIMITS_STREAMS="2"
    )


@pytest.fixture
async def second(cluster: Cluster) -> str:
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    member = await cluster.spawn("api", HEADRACE_API_BIND=bind, HEADRACE_API_MOUNTS="core")
    await until(lambda: cluster.is_ready(member, f"http://{bind}"), "a second API")
    return f"http://{bind}"


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

        elsewhere = check_problem(await other.get("/api/v1/events"), 404, "no_such_route")
        assert elsewhere["message"].endswith("this process serves core; ask one that serves streams")
        assert (await other.get("/health/ready")).json()["checks"]["mounts"] == "ok; core"
    async with follow(first, "/api/v1/events"), follow(first, "/api/v1/events"):
        problem = check_problem(await first.get("/api/v1/events"), 429, "too_many_requests")
        assert "2 open event streams" in problem["message"]
    await until(lambda: _can_follow(first), "the place of a stream that has ended")


async def _can_follow(http: httpx.AsyncClient) -> bool:
    async with http.stream("GET", "/api/v1/events") as response:
        return response.status_code == 200


async def test_attempts_to_sign_in_are_limited_by_address_over_both_processes_before_they_are_in_the_audit(
    cluster: Cluster, second: str
) -> None:
    async with httpx.AsyncClient(base_url=second, timeout=30) as other, httpx.AsyncClient(base_url=cluster.url) as http:
        answers = [
            await (http, other)[number % 2].post(
                "/api/v1/session", json={"email": f"{number}@example.com", "password": "a wrong password"}
            )
            for number in range(21)
        ]
    refused = [answer for answer in answers if answer.status_code == 429]
    # At most two windows, of ten each.
    assert 1 <= len(refused) <= 11
    check_problem(refused[0], 429, "too_many_requests")
    assert {answer.status_code for answer in answers} == {401, 429}
    recorded = await cluster.http.get("/api/v1/audit", params={"action": "sign_in.failed", "limit": 50})
    assert len(recorded.json()["items"]) == len(answers) - len(refused)


@pytest.mark.usefixtures("second")
async def test_what_a_key_may_not_do_does_not_use_up_what_its_owner_may(cluster: Cluster) -> None:
    ada, weak = await cluster.make_user("ada"), await cluster.make_user("ada", scopes=["tasks:read"])
    async with cluster.http_as(weak.key) as leaked:
        for _ in range(LIMIT + 1):
            check_problem(await leaked.post("/api/v1/tasks", json={"kind": "noop", "input": {}}), 403, "missing_scope")
    async with cluster.http_as(ada.key) as http:
        assert (await http.post("/api/v1/tasks", json={"kind": "noop", "input": {}})).status_code == 202


@pytest.mark.usefixtures("second")
async def test_whoever_spends_the_limit_of_an_account_does_not_keep_it_from_revoking_the_key(cluster: Cluster) -> None:
    ada, leaked = await cluster.make_user("ada", role="admin"), await cluster.make_user("ada", role="admin")
    body = {"kind": "noop", "input": {}}
    async with cluster.http_as(leaked.key) as thief:
        for _ in range(LIMIT):
            await thief.post("/api/v1/tasks", json=body)
        check_problem(await thief.post("/api/v1/tasks", json=body), 429, "too_many_requests")
    async with cluster.http_as(ada.key) as http:
        assert (await http.delete(f"/api/v1/api-keys/{leaked.key_id}")).status_code == 204


@pytest.mark.usefixtures("second")
async def test_tasks_that_are_run_again_in_bulk_count_like_a_batch(cluster: Cluster) -> None:
    ada = await cluster.make_user(_whose_window_goes_on(30))
    async with cluster.http_as(ada.key) as http:
        made = (await http.post("/api/v1/batches", json={"kind": "noop", "inputs": [{}] * 301})).json()
        await until(lambda: _is_settled(http, made["id"]), "the batch")
        before = _left(await http.put(f"/api/v1/tasks/{made['id']}/cancellation"))
        selected = {"select": {"batch": made["id"], "state": "succeeded"}, "per_second": 500}
        again = await http.post("/api/v1/runs", json=selected)
        assert again.json().get("done") == 301, again.text
        assert _left(await http.put(f"/api/v1/tasks/{made['id']}/cancellation")) == before - 1 - 4


def _whose_window_goes_on(seconds: float) -> str:
    """The id of an account whose present window does not end during a test: windows begin at another moment for each."""
    for number in range(1000):
        allowance = Allowance(Policy("submissions", LIMIT, 60), Secrets([SECRET]).hash(f"submissions ada{number}"))
        allowance.enter(time.time(), 0.0)
        if allowance.ends_at > seconds:
            return f"ada{number}"
    raise AssertionError("all windows end at the same moment")


async def _is_settled(http: httpx.AsyncClient, batch: str) -> bool:
    return (await http.get(f"/api/v1/batches/{batch}")).json()["state"] == "settled"


def _left(answer: httpx.Response) -> int:
    return int(answer.headers["ratelimit"].partition("r=")[2].partition(";")[0])
