"""Following from somebody else's page: a product's backend submits and asks for a link, its users' browsers watch with it."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator
from datetime import datetime

import httpx
import pytest
from msgspec import Raw

from headrace.contracts.events import EventName, Queued, encode
from headrace.identity.follow_tokens import FollowTokens, Grant
from headrace.log.subjects import TaskSubject
from tests.cluster import Cluster
from tests.flow.batch_steps import submit as submit_batch
from tests.flow.follow_link_steps import NEW, OLD, OURS, ask, finished, in_seconds, link_to, path_with, shown, token_of
from tests.flow.life_steps import called, history
from tests.flow.problems import check_problem
from tests.sse import Stream

RETRY = re.compile(r"retry: \d+\n\n$")


@pytest.fixture
async def browser() -> AsyncGenerator[httpx.AsyncClient]:
    """Somebody with a link and nothing else."""
    async with httpx.AsyncClient(timeout=30) as client:
        yield client


async def test_a_follow_link_to_a_task_is_all_that_a_browser_needs(
    cluster_with_follow_links: Cluster, browser: httpx.AsyncClient
) -> None:
    task = (await cluster_with_follow_links.submit("wait", name="cluster_with_follow_links"))["id"]
    asked_at = time.time()
    answer = await ask(cluster_with_follow_links, f"tasks/{task}")
    assert answer.status_code == 201
    link = answer.json()
    assert set(link) == {"url", "expires_at"}
    assert link["url"].startswith(f"{cluster_with_follow_links.url}/api/v1/follow/tasks/{task}/events?token=")
    assert 899 <= datetime.fromisoformat(link["expires_at"]).timestamp() - asked_at <= 905

    async with browser.stream("GET", link["url"]) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        stream = Stream(response)
        seen = await stream.take(3)
        cluster_with_follow_links.open_gate("cluster_with_follow_links")
        seen += await stream.rest()
    assert [each.event for each in seen] == [each.name for each in await history(cluster_with_follow_links, task)]
    assert [each.sequence for each in seen] == [
        each.sequence for each in await history(cluster_with_follow_links, task)
    ]
    assert seen[-1].event == "finished"
    again = await browser.get(link["url"], headers={"Last-Event-ID": seen[-1].id})
    assert again.status_code == 204
    async with browser.stream("GET", f"{link['url']}&after={seen[1].id}") as response:
        assert await Stream(response).rest() == seen[2:]


async def test_a_follow_link_to_a_batch_shows_its_counts_until_it_settles(
    cluster_with_follow_links: Cluster, browser: httpx.AsyncClient
) -> None:
    batch = (
        await submit_batch(
            cluster_with_follow_links,
            "wait",
            [{"name": "cluster_with_follow_links-batch"}, {"name": "cluster_with_follow_links-batch"}],
        )
    )["id"]
    link = await link_to(cluster_with_follow_links, f"batches/{batch}", expires_in=60)
    async with browser.stream("GET", link) as response:
        stream = Stream(response)
        assert (await stream.take(1))[0].event == "counted"
        cluster_with_follow_links.open_gate("cluster_with_follow_links-batch")
        last = (await stream.rest())[-1]
    assert (last.event, last.data["id"], last.data["counts"]["succeeded"]) == ("settled", batch, 2)
    assert (await browser.get(link, headers={"Last-Event-ID": last.id})).status_code == 204


@pytest.mark.parametrize("given", ["60", "1", "86400", "0.5e2"])
async def test_a_submission_may_ask_for_a_follow_link_at_once(cluster_with_follow_links: Cluster, given: str) -> None:
    answer = await cluster_with_follow_links.http.post(
        "/api/v1/tasks", json={"kind": "noop", "input": {}}, params={"follow_link": given}
    )
    assert answer.status_code == 202
    task, link = answer.json()["id"], answer.json()["follow_link"]
    assert float(given) - 1 <= datetime.fromisoformat(link["expires_at"]).timestamp() - time.time() <= float(given) + 2
    seen = await shown(cluster_with_follow_links, link["url"])
    assert [each.event for each in seen] == ["queued", "started", "finished"]
    assert {each.data["task"] for each in seen} == {task}


async def test_a_repeated_submission_is_given_a_follow_link_to_the_same_task(
    cluster_with_follow_links: Cluster,
) -> None:
    body, headers = {"kind": "noop", "input": {}}, {"Idempotency-Key": "cluster_with_follow_links"}
    first, second = [
        await cluster_with_follow_links.http.post("/api/v1/tasks?follow_link=60", json=body, headers=headers)
        for _ in range(2)
    ]
    assert (first.status_code, second.status_code) == (202, 200)
    assert (await shown(cluster_with_follow_links, second.json()["follow_link"]["url"]))[0].data[
        "task"
    ] == first.json()["id"]


async def test_a_batch_may_ask_for_a_follow_link_at_once(cluster_with_follow_links: Cluster) -> None:
    body = {"kind": "noop", "inputs": [{}, {}]}
    answer = await cluster_with_follow_links.http.post("/api/v1/batches", json=body, params={"follow_link": 60})
    assert answer.status_code == 202
    last = (await shown(cluster_with_follow_links, answer.json()["follow_link"]["url"]))[-1]
    assert (last.event, last.data["id"]) == ("settled", answer.json()["id"])


@pytest.mark.invariant(8)
async def test_a_stream_ends_when_its_follow_link_expires_and_is_not_let_in_again(
    cluster_with_follow_links: Cluster, browser: httpx.AsyncClient
) -> None:
    task = (await cluster_with_follow_links.submit("wait", name="never"))["id"]
    await called(cluster_with_follow_links, task)
    link = await link_to(cluster_with_follow_links, f"tasks/{task}", expires_in=1)
    batch = (await submit_batch(cluster_with_follow_links, "wait", [{"name": "never"}]))["id"]
    of_batch = await link_to(cluster_with_follow_links, f"batches/{batch}", expires_in=1)
    async with browser.stream("GET", link) as one, browser.stream("GET", of_batch) as other:
        for response in (one, other):
            assert RETRY.search((await response.aread()).decode())
    for path in (link, of_batch):
        check_problem(await browser.get(path), 403, "follow_token_expired")
    cluster_with_follow_links.open_gate("never")


async def test_old_follow_links_go_on_when_a_new_secret_is_put_first_and_new_ones_are_signed_with_it(
    cluster_with_follow_links: Cluster,
) -> None:
    task = await finished(cluster_with_follow_links)
    old = FollowTokens([OLD]).make(Grant("task", task, "local", in_seconds(60)))
    assert (await shown(cluster_with_follow_links, path_with(task, old)))[-1].event == "finished"
    made = token_of(await link_to(cluster_with_follow_links, f"tasks/{task}", expires_in=60))
    assert FollowTokens([NEW]).read(made).id == task


@pytest.mark.invariant(8)
async def test_a_follow_link_shows_only_what_belongs_to_its_owner(cluster_with_follow_links: Cluster) -> None:
    tasks: dict[str, str] = {}
    for owner in ("local", "somebody"):
        tasks[owner] = f"of-{owner}"
        subject = str(TaskSubject(EventName.QUEUED, "noop", "normal", owner, tasks[owner]))
        await cluster_with_follow_links.log.appender.append(
            subject, encode(Queued(attempt=1, fence=0, input=Raw(b"{}"))), {}
        )
    for owner, other in (("local", "somebody"), ("somebody", "local")):
        theirs = FollowTokens([NEW]).make(Grant("task", tasks[owner], owner, in_seconds(60)))
        assert {
            each.data["task"] for each in await shown(cluster_with_follow_links, path_with(tasks[owner], theirs))
        } == {tasks[owner]}
        stranger = FollowTokens([NEW]).make(Grant("task", tasks[owner], other, in_seconds(60)))
        check_problem(
            await cluster_with_follow_links.http.get(path_with(tasks[owner], stranger)), 404, "task_not_found"
        )
    check_problem(
        await cluster_with_follow_links.http.get(f"/api/v1/tasks/{tasks['somebody']}/events"), 404, "task_not_found"
    )
    check_problem(await ask(cluster_with_follow_links, f"tasks/{tasks['somebody']}"), 404, "task_not_found")


@pytest.mark.invariant(8)
async def test_no_process_ever_logs_a_follow_token(cluster_with_follow_links: Cluster) -> None:
    task = await finished(cluster_with_follow_links)
    link = await link_to(cluster_with_follow_links, f"tasks/{task}")
    token = token_of(link)
    expired = FollowTokens([NEW]).make(Grant("task", task, "local", in_seconds(-1)))
    tampered = token[:-6] + token[-6:].swapcase()
    for given in (token, expired, tampered, "x" * 401):
        for path in (
            path_with(task, given),
            path_with(task, given, "batches"),
            f"{path_with(task, given)}&after=nonsense",
        ):
            await cluster_with_follow_links.http.get(path)
            await cluster_with_follow_links.http.options(path, headers={"Origin": OURS})
            await cluster_with_follow_links.http.put(path)
    api = cluster_with_follow_links.members[0]
    await cluster_with_follow_links.http.get("/api/v1/nothing", headers={"X-Correlation-Id": "last-of-all"})
    await api.until_logged("refused", correlation_id="last-of-all")
    lines = [line for member in cluster_with_follow_links.members for line in member.lines]
    assert any("/api/v1/follow/tasks/{task}/events" in line for line in lines)
    for secret in (token, expired, tampered, "xxxxx", NEW, OLD):
        assert [line for line in lines if secret in line or secret.partition(".")[0] in line] == []
