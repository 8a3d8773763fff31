"""What limits a kind holds over all workers: how many run, how many start, whether any do, and who goes first."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from headrace.log.consumers import kind_consumers
from headrace.log.subjects import TaskSubject
from tests.cluster import Cluster
from tests.conftest import ShareCluster
from tests.member import Member
from tests.waiting import until

HOUR = 3600


@pytest.fixture(scope="module")
async def limited(share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    """Two workers of the kinds with limits; every test leaves two behind."""
    kinds = {"HEADRACE_CONSUMERS": "tests.kinds.limited", "HEADRACE_WORKER_SLOTS": "8"}
    async with share_cluster("api", "projector", "worker", "worker", **kinds) as cluster:
        await knows(cluster, "two_at_a_time")
        yield cluster


async def submit(cluster: Cluster, kind: str, count: int, priority: str = "normal", **given: Any) -> list[str]:
    submission = {"kind": kind, "input": given, "priority": priority}
    answers = [await cluster.http.post("/api/v1/tasks", json=submission) for _ in range(count)]
    assert {answer.status_code for answer in answers} <= {202}, answers[0].text
    return [answer.json()["id"] for answer in answers]


async def consumer(cluster: Cluster, name: str) -> dict[str, Any]:
    return (await kind_consumers(cluster.log, name.split("-")[1]))[name]


async def entry(cluster: Cluster, kind: str) -> dict[str, Any]:
    items = (await cluster.http.get("/api/v1/kinds")).json()["items"]
    return next(item for item in items if item["name"] == kind)


async def knows(cluster: Cluster, kind: str) -> None:
    async def known() -> bool:
        return kind in {item["name"] for item in (await cluster.http.get("/api/v1/kinds")).json()["items"]}

    await until(known, "the catalog")


async def set_paused(cluster: Cluster, kind: str, *, paused: bool) -> None:
    answer = await cluster.http.request("PUT" if paused else "DELETE", f"/api/v1/kinds/{kind}/pause")
    assert (answer.status_code, answer.json()["name"], answer.json()["paused"]) == (200, kind, paused)


async def waiting(cluster: Cluster, task: str) -> dict[str, Any]:
    """Why a queued task waits; the read model may not know it yet."""
    answer = await cluster.http.get(f"/api/v1/tasks/{task}/waiting")
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "queued"
    return answer.json()["waiting"]


def calls(cluster: Cluster, tasks: list[str]) -> dict[str, int]:
    """How often the handler of each was called."""
    return Counter(task for task, _ in cluster.calls() if task in tasks)


async def test_no_more_of_a_kind_run_than_its_concurrency_over_all_workers(limited: Cluster) -> None:
    tasks = await submit(limited, "two_at_a_time", 4, name="gate")
    tasks += await submit(limited, "two_at_a_time", 4, "high", name="gate")

    async def full() -> bool:
        lane = await consumer(limited, "run-two_at_a_time")
        return (lane["num_ack_pending"], lane["num_pending"]) == (2, 6) and lane["num_waiting"] > 0

    await until(full, "two to run, and somebody to ask for more")
    assert len(list((limited.place / "running").iterdir())) == 2
    assert (await waiting(limited, tasks[3]))["why"] == "limit"
    limited.open_gate("gate")
    await limited.all_finished(tasks)
    assert {(await limited.outcome(task))["result"] for task in tasks} <= {1, 2}
    described = await entry(limited, "two_at_a_time")
    assert (described["concurrency"], described["rate"], described["process"]) == (2, None, False)


async def test_no_more_of_a_kind_start_in_a_second_than_its_rate_over_all_workers(limited: Cluster) -> None:
    tasks = await submit(limited, "ten_a_second", 25)
    await limited.all_finished(tasks)
    started = await limited.events("hr.tasks.started.ten_a_second.>")
    windows = Counter(int(each.at.timestamp()) for each in started)
    assert windows.total() == 25
    assert max(windows.values()) <= 10, windows


async def test_a_task_that_waits_for_the_rate_of_its_kind_can_be_given_back_and_cancelled(limited: Cluster) -> None:
    await until(lambda: time.time() % HOUR < HOUR - 25, "the next hour, if this one ends soon")
    tasks = await submit(limited, "one_an_hour", 2)
    await until(lambda: calls(limited, tasks), "one to run")
    (first,) = calls(limited, tasks)
    (other,) = {*tasks} - {first}

    async def waits() -> bool:
        lane = await consumer(limited, "run-one_an_hour-normal")
        return (lane["num_ack_pending"], lane["num_pending"]) == (1, 0)

    await until(waits, "the other to wait in a worker")
    for worker in running_workers(limited):
        await worker.stop()
        assert worker.logged("waiting for running tasks") == worker.logged("given back unfinished") == []
    await limited.start("worker", "worker")
    await until(waits, "the other to wait in the next worker")
    assert (await limited.http.put(f"/api/v1/tasks/{other}/cancellation")).status_code in (200, 202)
    assert (await limited.outcome(other))["state"] == "cancelled"

    async def done() -> bool:
        return (await consumer(limited, "run-one_an_hour-normal"))["num_ack_pending"] == 0

    await until(done, "the worker to let go of it")
    assert calls(limited, tasks) == {first: 1}


@pytest.mark.invariant(1)
async def test_a_paused_kind_accepts_tasks_and_runs_them_when_it_is_resumed(limited: Cluster) -> None:
    (running,) = await submit(limited, "wait", 1, name="wait-gate")
    await until(lambda: calls(limited, [running]), "it to run")
    for _ in range(2):
        await set_paused(limited, "wait", paused=True)
    assert (await entry(limited, "wait"))["paused"]
    assert not (await entry(limited, "noop"))["paused"]
    queued = await submit(limited, "wait", 2, name="wait-gate") + await submit(
        limited, "wait", 2, "high", name="wait-gate"
    )
    limited.open_gate("wait-gate")
    await limited.all_finished([running])

    for worker in running_workers(limited):
        await worker.stop()
    await limited.start("worker", "worker")
    await limited.all_finished(await submit(limited, "noop", 3))

    async def asked() -> bool:
        lane = await consumer(limited, "run-wait-normal")
        return lane["num_waiting"] > 0 and lane["num_pending"] == 2

    await until(asked, "the new workers to ask for tasks of the paused kind")
    assert calls(limited, queued) == {}
    assert (await entry(limited, "wait"))["paused"]
    # Of the four, workers start two of high priority for each of normal priority; a count never favours a task of our own.
    ahead = {task: await waiting(limited, task) for task in queued}
    assert {(each["why"], each["eta_seconds"], each["more_ahead"]) for each in ahead.values()} == {
        ("paused", None, False)
    }
    assert sorted(each["ahead"] for each in ahead.values()) == [0, 2, 2, 3]
    await set_paused(limited, "wait", paused=False)
    await limited.all_finished(queued)
    assert not (await entry(limited, "wait"))["paused"]
    assert calls(limited, [running, *queued]) == dict.fromkeys([running, *queued], 1)


async def test_low_priority_keeps_its_share_of_the_starts_under_a_flood(limited: Cluster) -> None:
    await set_paused(limited, "noop", paused=True)
    before = len(await limited.events("hr.tasks.started.noop.>"))
    for priority in ("high", "normal", "low"):
        await submit(limited, "noop", 200, priority)
    await set_paused(limited, "noop", paused=False)

    async def enough() -> bool:
        return len(await limited.events("hr.tasks.started.noop.>")) >= before + 200

    await until(enough, "200 to start")
    started = (await limited.events("hr.tasks.started.noop.>"))[before : before + 200]
    shares = Counter(TaskSubject.parse(each.subject).priority for each in started)
    assert min(shares.values()) >= 10, shares


@pytest.mark.invariant(1)
@pytest.mark.invariant(3)
async def test_a_kind_whose_limit_comes_and_goes_runs_every_task_once(limited: Cluster) -> None:
    before = await worker_of_changing(limited)
    await knows(limited, "changing")
    limited.open_gate("open")
    tasks = await submit(limited, "changing", 5, name="open")
    await limited.all_finished(tasks)
    tasks += await submit(limited, "changing", 2, name="changed")
    await until(lambda: len(calls(limited, tasks)) == 7, "two to run in the first worker")

    await set_paused(limited, "changing", paused=True)
    with_limit = await worker_of_changing(limited, HEADRACE_TEST_CONCURRENCY="2")
    made = await kind_consumers(limited.log, "changing")
    assert {name: info["paused"] for name, info in made.items()} == {"run-changing": True}
    await before.until_logged("newer workers run the kind otherwise; it is left to them", kind="changing")
    tasks += await submit(limited, "changing", 5, "low", name="open")
    limited.open_gate("changed")
    await set_paused(limited, "changing", paused=False)
    await limited.all_finished(tasks)

    await with_limit.stop()
    tasks += await submit(limited, "changing", 5, "high", name="open")
    after = await worker_of_changing(limited)
    names = {f"run-changing-{priority}" for priority in ("high", "normal", "low")}
    assert set(await kind_consumers(limited.log, "changing")) == names
    await limited.all_finished(tasks)
    assert calls(limited, tasks) == dict.fromkeys(tasks, 1)
    assert {before.pid, with_limit.pid} <= {pid for task, pid in limited.calls() if task in tasks}
    for each in (before, after):
        await each.stop()


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_kind_that_is_not_there_cannot_be_paused_or_resumed(limited: Cluster, method: str) -> None:
    answer = await limited.http.request(method, "/api/v1/kinds/no_such_kind/pause")
    assert answer.status_code == 404
    assert answer.json()["error_code"] == "kind_not_found"


async def test_a_kind_that_nobody_ever_ran_cannot_be_paused(limited: Cluster) -> None:
    announced = await limited.log.replayer.page("$KV.HEADRACE_KINDS.noop", stream="KV_HEADRACE_KINDS")
    entry = announced.records[0].payload.replace(b'"name":"noop"', b'"name":"never_ran"')
    await limited.log.appender.append("$KV.HEADRACE_KINDS.never_ran", entry, {})
    await knows(limited, "never_ran")
    answer = await limited.http.put("/api/v1/kinds/never_ran/pause")
    assert answer.status_code == 409
    assert answer.json()["error_code"] == "kind_has_no_workers"


def running_workers(cluster: Cluster) -> list[Member]:
    return [member for member in cluster.members if member.name == "worker" and member.process.returncode is None]


async def worker_of_changing(cluster: Cluster, **environ: str) -> Member:
    worker = await cluster.spawn("worker", HEADRACE_CONSUMERS="tests.kinds.changing", **environ)
    await cluster.until_ready(worker)
    return worker
