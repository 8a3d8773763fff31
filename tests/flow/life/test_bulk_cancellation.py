"""Cancelling many tasks with one request, by what they have in common."""

from __future__ import annotations

from tests.cluster import Cluster
from tests.flow.life_steps import (
    accepted,
    cancel,
    in_bulk,
    read,
)
from tests.flow.problems import check_problem
from tests.waiting import until


async def test_many_tasks_are_cancelled_by_what_they_have_in_common(cluster_without_worker: Cluster) -> None:
    cluster = cluster_without_worker
    echoes = [await accepted(cluster, "echo", input={"text": str(n)}) for n in range(6)]
    noops = [await accepted(cluster, "noop") for _ in range(3)]
    waiting = [await accepted(cluster, "noop", delay=600) for _ in range(2)]

    dry = await in_bulk(cluster, "cancellations", select={}, dry_run=True)
    assert (dry["matched"], dry["done"]) == (11, 0)
    dry = await in_bulk(cluster, "cancellations", select={"kind": ["echo"]}, dry_run=True)
    assert (dry["matched"], dry["done"], dry["remaining"]) == (6, 0, 6)
    assert await cluster.finishes() == {}

    done = await in_bulk(cluster, "cancellations", select={"kind": ["echo"]}, limit=2)
    assert (done["matched"], done["done"], done["remaining"]) == (6, 2, 4)
    assert (await cluster.finishes()).keys() == {task["id"] for task in echoes[:2]}, "the oldest first"
    found = await read(cluster, echoes[1]["id"], at_least=done["position"])
    assert found["state"] == "cancelled"
    done = await in_bulk(cluster, "cancellations", select={"kind": ["echo"]})
    assert (done["matched"], done["done"], done["remaining"]) == (4, 4, 0)

    done = await in_bulk(cluster, "cancellations", select={"kind": ["noop"], "state": ["pending"]})
    assert done["done"] == 2
    assert {(await cluster.outcome(task["id"]))["state"] for task in waiting} == {"cancelled"}
    first = (await read(cluster, noops[1]["id"]))["created_at"]
    last = (await read(cluster, noops[2]["id"]))["created_at"]
    done = await in_bulk(cluster, "cancellations", select={"created_from": first, "created_before": last})
    assert done["done"] == 1
    assert (await cluster.outcome(noops[1]["id"]))["state"] == "cancelled"
    done = await in_bulk(cluster, "cancellations", select={})
    assert (done["matched"], done["done"]) == (2, 2)
    await cluster.all_finished([task["id"] for task in echoes + noops + waiting])


async def test_without_the_log_a_bulk_cancellation_says_when_to_come_back(cluster_without_worker: Cluster) -> None:
    cluster = cluster_without_worker
    task = await accepted(cluster, "noop")
    await read(cluster, task["id"], at_least=task["position"])
    await cluster.nats.stop()
    answer = await cluster.http.post("/api/v1/cancellations", json={"select": {}})
    check_problem(answer, 503, "log_unavailable")
    check_problem(await cancel(cluster, task["id"]), 503, "log_unavailable")
    await cluster.nats.start()

    async def cancelled() -> bool:
        return (await cancel(cluster, task["id"])).status_code == 200

    await until(cancelled, "the log to be back")
    await cluster.all_finished([task["id"]])
