"""Batches of thousands: they take no memory, and their counts are right whatever happens to who counts."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.batch_steps import NDJSON, counts, knows, last_sequence, recount, settled, submit
from tests.member import Member
from tests.waiting import until

MEMORY_BYTES = 60 << 20


@pytest.mark.invariant(5)
@pytest.mark.slow
async def test_a_hundred_thousand_inputs_take_no_memory_and_an_upload_that_ends_leaves_nothing(
    cluster_without_worker: Cluster,
) -> None:
    cluster, api = cluster_without_worker, cluster_without_worker.members[0]
    empty = await last_sequence(cluster)
    line = b'{"text": "%s"}\n' % (b"x" * 85)

    gate = asyncio.Event()

    async def half() -> AsyncGenerator[bytes]:
        for _ in range(100):
            yield line * 500
        await gate.wait()

    query = {"kind": "echo"}
    sending = asyncio.create_task(
        cluster.http.post("/api/v1/batches", params=query, content=half(), headers=NDJSON), name="half an upload"
    )
    await until(lambda: _spooled(api), "the upload to be on the disk")
    sending.cancel()
    await until(lambda: not _spooled(api), "the upload to be gone")
    assert await last_sequence(cluster) == empty

    async def whole() -> AsyncGenerator[bytes]:
        for _ in range(200):
            yield line * 500

    process, peak = psutil.Process(api.pid), 0
    before = process.memory_info().rss
    sending = asyncio.create_task(cluster.http.post("/api/v1/batches", params=query, content=whole(), headers=NDJSON))
    singles: list[float] = []  # seconds that others wait meanwhile
    while not sending.done():
        peak = max(peak, process.memory_info().rss)
        began = time.monotonic()
        await cluster.submit("noop")
        singles.append(time.monotonic() - began)
        await asyncio.wait({sending}, timeout=0.05)
    assert statistics.median(singles) < 0.5
    assert sending.result().status_code == 202, sending.result().text
    assert sending.result().json()["total"] == 100_000
    assert await last_sequence(cluster) == empty + 1 + 100_000 + len(singles)
    assert peak - before < MEMORY_BYTES
    assert not _spooled(api)


def _spooled(api: Member) -> bool:
    """Whether a process has an unnamed file open."""
    links: list[str] = []
    for link in Path(f"/proc/{api.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if int(link.name) > 2:  # its output may go to one of the test's
                links.append(str(link.readlink()))
    return any(link.endswith("(deleted)") and "/tmp" in link for link in links)


@pytest.mark.slow
@pytest.mark.invariant(7)
async def test_a_projector_killed_while_it_counts_a_batch_counts_right_and_a_replay_gives_the_same(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    _, _, projector = await cluster.start("api", "worker", "projector")
    await knows(cluster, "noop", "fail")
    total = 3000
    accepted = await submit(cluster, "noop", [{}] * total)
    failing = await submit(cluster, "fail", [{}] * 3, max_attempts=1)

    for fraction in (0.2, 0.6):

        async def so_far(fraction: float = fraction) -> bool:
            rows = await cluster.rows("SELECT succeeded FROM batches ORDER BY total DESC LIMIT 1")
            return bool(rows) and rows[0]["succeeded"] >= fraction * total

        await until(so_far, f"{fraction} of the batch to be counted")
        await projector.kill()
        (projector,) = await cluster.start("projector")
    found = await settled(cluster, accepted["id"])
    assert counts(found) == {"succeeded": total} == await recount(cluster, accepted["id"])
    assert counts(await settled(cluster, failing["id"])) == {"failed": 3}
    assert len(await cluster.events("hr.batches.settled.>")) == 2

    before = await cluster.rows("SELECT * FROM batches ORDER BY id")
    await projector.stop()
    await cluster.rows("TRUNCATE tasks, task_events, projection, batches")
    await cluster.start("projector")

    async def replayed() -> bool:
        return await cluster.rows("SELECT * FROM batches ORDER BY id") == before

    await until(replayed, "the same rows")
    assert len(await cluster.events("hr.batches.settled.>")) == 2
