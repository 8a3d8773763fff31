"""What the tests of batches have in common: sending one, waiting for its end, and counting its tasks in the log."""

from __future__ import annotations

import collections
from typing import Any

import httpx

from tests.cluster import Cluster
from tests.waiting import until

NDJSON = {"Content-Type": "application/x-ndjson"}


async def knows(cluster: Cluster, *kinds: str) -> None:
    async def known() -> bool:
        return {*kinds} <= {each["name"] for each in (await cluster.http.get("/api/v1/kinds")).json()["items"]}

    await until(known, f"{kinds} to be announced")


async def post(cluster: Cluster, kind: str, inputs: list[Any], key: str | None = None, **more: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await cluster.http.post("/api/v1/batches", json={"kind": kind, "inputs": inputs, **more}, headers=headers)


async def submit(cluster: Cluster, kind: str, inputs: list[Any], **more: Any) -> dict[str, Any]:
    answer = await post(cluster, kind, inputs, **more)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def settled(cluster: Cluster, batch: str) -> dict[str, Any]:
    async def get() -> dict[str, Any] | None:
        answer = await cluster.http.get(f"/api/v1/batches/{batch}", params={"wait": 10})
        return answer.json() if answer.status_code == 200 and answer.json()["state"] == "settled" else None

    return await until(get, f"batch {batch} to settle")


async def members(cluster: Cluster, batch: str) -> collections.Counter[str]:
    """How often the log has each task of a batch queued."""
    queued = await cluster.events("hr.tasks.queued.>")
    return collections.Counter(
        each.subject.rpartition(".")[2] for each in queued if each.headers.get("Headrace-Batch") == batch
    )


def all_once(batch: str, total: int) -> dict[str, int]:
    return {f"{batch}-{number}": 1 for number in range(total)}


async def recount(cluster: Cluster, batch: str) -> dict[str, int]:
    rows = await cluster.rows(f"SELECT state, count(*) AS tasks FROM tasks WHERE batch = '{batch}' GROUP BY state")
    return {row["state"]: row["tasks"] for row in rows}


def counts(batch: dict[str, Any]) -> dict[str, int]:
    return {state: tasks for state, tasks in batch["counts"].items() if tasks}


def instant_of(record: Any) -> str:
    return record.at.isoformat().replace("+00:00", "Z")


async def last_sequence(cluster: Cluster) -> int:
    return (await cluster.log.refresh()).last_sequence


async def has_grown_to(cluster: Cluster, sequence: int) -> bool:
    """Whether the log has come to a sequence."""
    return await last_sequence(cluster) >= sequence
