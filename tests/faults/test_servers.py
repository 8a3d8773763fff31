"""NATS and Postgres going away: what is promised goes on, the rest says 503 and when to come back."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter

import pytest

from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.sse import follow
from tests.waiting import until, within


@pytest.mark.invariant(1)
@pytest.mark.slow
async def test_nats_killed_while_tasks_are_submitted_loses_none_that_was_accepted(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    answers: Counter[int] = Counter()
    accepted: list[str] = []

    async def client() -> None:
        while len(accepted) < 500:
            answer = await cluster.http.post("/api/v1/tasks", json={"kind": "noop", "input": {}})
            answers[answer.status_code] += 1
            if answer.status_code == 202:
                accepted.append(answer.json()["id"])
            else:
                assert answer.status_code == 503
                assert answer.json()["error_code"] == "log_unavailable"
                assert int(answer.headers["Retry-After"]) > 0
                await asyncio.sleep(0.01)  # a client that is told to wait; shorter, so as to be there when NATS is back

    clients = [asyncio.create_task(client()) for _ in range(16)]
    async with follow(cluster.http, "/api/v1/events") as stream:
        watching = asyncio.create_task(stream.take(3 * 500))
        for fraction in (100, 250, 400):
            await until(lambda fraction=fraction: len(accepted) >= fraction, f"{fraction} to be accepted")
            await cluster.nats.kill()
            await cluster.nats.start()
        await asyncio.gather(*clients)
        await cluster.all_finished(accepted)
        async with within(30, "the stream to give three events of 500 tasks"):
            seen = await watching
    assert answers[202] >= 500
    sequences = [each.sequence for each in seen]
    assert sequences == [record.sequence for record in await cluster.events()][: len(sequences)]  # no gap, no repeat
    states = await until(lambda: _all_succeeded(cluster, len(accepted)), "the read model to catch up")
    assert states >= set(accepted)


async def _all_succeeded(cluster: Cluster, number: int) -> set[str] | None:
    rows = await cluster.rows("SELECT id FROM tasks WHERE state = 'succeeded'")
    return {row["id"] for row in rows} if len(rows) >= number else None


@pytest.mark.slow
async def test_without_nats_submissions_answer_503_and_nothing_is_half_done(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    done = await cluster.submit("noop")
    await cluster.outcome(done["id"])
    await cluster.nats.stop()

    async def refused() -> bool:
        answer = await cluster.http.post("/api/v1/tasks", json={"kind": "noop", "input": {}})
        return answer.status_code == 503 and "Retry-After" in answer.headers

    await until(refused, "submissions to be refused")
    ready = await cluster.http.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["checks"]["log"] != "ok"
    assert (await cluster.http.get("/health/live")).status_code == 200
    assert (await cluster.http.delete(f"/api/v1/tasks/{done['id']}")).status_code == 503
    assert (await cluster.http.get(f"/api/v1/tasks/{done['id']}")).json()["state"] == "succeeded"

    await cluster.nats.start()
    again = await until(lambda: _accepted(cluster), "submissions to be accepted again")
    assert (await cluster.outcome(again))["state"] == "succeeded"


async def _accepted(cluster: Cluster) -> str | None:
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": "noop", "input": {}})
    return answer.json()["id"] if answer.status_code == 202 else None


@pytest.mark.invariant(1)
async def test_a_full_log_refuses_work_and_lets_running_work_end(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_MAX_BYTES=str(1 << 20))
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    running = await cluster.submit("wait", name="gate")

    async def full() -> dict[str, object] | None:
        answer = await cluster.http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "x" * 50_000}})
        return None if answer.status_code == 202 else {"answer": answer}

    refused = (await until(full, "the log to be full"))["answer"]
    assert refused.status_code == 503
    assert refused.json()["error_code"] == "log_full"
    assert refused.headers["Retry-After"] == "30"
    assert (await cluster.log.refresh()).bytes <= 2 << 20
    cluster.open_gate("gate")
    assert (await cluster.outcome(running["id"]))["state"] == "succeeded"


async def test_without_postgres_submitting_running_and_following_go_on(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    await cluster.outcome((await cluster.submit("noop"))["id"])
    async with cluster.without_postgres():
        async with follow(cluster.http, "/api/v1/events") as stream:
            await stream.next()
            task = await cluster.submit("echo", text="without a database")
            seen = await stream.take(3)
        assert [each.event for each in seen] == ["queued", "started", "finished"]
        answer = await cluster.http.get(f"/api/v1/tasks/{task['id']}")
        assert answer.status_code == 503
        assert answer.json()["error_code"] == "read_model_unavailable"
        assert answer.headers["Retry-After"]
        # A deletion is recorded before anything is erased, and the read model has to have counted it.
        assert (await cluster.http.delete(f"/api/v1/tasks/{task['id']}")).status_code == 503
        # It can still accept.
        ready = await cluster.http.get("/health/ready")
        assert (ready.status_code, ready.json()["checks"]["log"]) == (200, "ok")
        assert ready.json()["checks"]["read_model"] != "ok"
    found = await until(lambda: _found(cluster, task["id"]), "the projector to catch up")
    assert found["state"] == "succeeded"
    assert (await cluster.http.delete(f"/api/v1/tasks/{task['id']}")).status_code == 204


async def _found(cluster: Cluster, task: str) -> dict[str, object] | None:
    answer = await cluster.http.get(f"/api/v1/tasks/{task}")
    return answer.json() if answer.status_code == 200 else None


@pytest.mark.invariant(6)
@pytest.mark.slow
async def test_a_log_that_comes_back_empty_is_made_anew_and_followers_are_told(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    before = await cluster.submit("noop")
    await cluster.outcome(before["id"])
    async with follow(cluster.http, "/api/v1/events", after=before["position"]) as stream:
        await stream.take(2)
        await cluster.nats.kill()
        shutil.rmtree(cluster.nats.directory / "jetstream")
        await cluster.nats.start()
        (reset,) = await stream.take(1)
        assert reset.event == "reset"
        assert reset.id > before["position"]
        task = await until(lambda: _accepted(cluster), "submissions to be accepted again")
        assert [seen.data["task"] for seen in await stream.take(3)] == [task] * 3
    found = await until(lambda: _found(cluster, task), "the read model to follow the new log")
    assert found["state"] in ("queued", "running", "succeeded")
    assert (await cluster.outcome(task))["state"] == "succeeded"
    assert (await cluster.outcome(before["id"]))["state"] == "succeeded"
