"""Every panel has data: a real Prometheus reads a whole Headrace that works."""

from __future__ import annotations

import asyncio
import math
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.conftest import ShareCluster
from tests.monitoring.files import RULES, panel_queries
from tests.sse import follow
from tests.waiting import until

SCRAPE = "1s"
NOTHING_OLD = "headrace_retention_removed_rows_total"  # nothing here is old enough to be removed
PATIENCE_SECONDS = 90.0  # a rate needs two scrapes after whatever it is about has happened twice

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("prometheus") is None, reason="Prometheus is not here; Debian has it in the package prometheus"
    ),
]


@asynccontextmanager
async def prometheus(place: Path, cluster: Cluster) -> AsyncGenerator[str]:
    """Run a Prometheus that reads every process of a cluster, with our alerts; yields its address."""
    jobs = [{"job_name": member.name, "static_configs": [{"targets": [member.address]}]} for member in cluster.members]
    config = {
        "global": {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE},
        "rule_files": list(map(str, RULES)),
        "scrape_configs": jobs,
    }
    (place / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_ports(1)[0]}"
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={place / 'prometheus.yml'}",
        f"--storage.tsdb.path={place / 'data'}",
        f"--web.listen-address={address}",
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        await process.wait()


async def work(cluster: Cluster) -> None:
    """Do a bit of everything, again and again."""
    while True:
        tasks = [
            *(await asyncio.gather(*(cluster.submit("noop") for _ in range(10)))),
            await cluster.submit("noop_in_process"),
            await cluster.submit("flaky", steps=["expected"]),
        ]
        await cluster.http.post("/api/v1/tasks", json={"kind": "noop", "input": {}, "delay": 600})
        await cluster.http.post("/api/v1/tasks", json={"kind": "nobody_runs_this", "input": {}})
        for _ in range(2):
            # Under its key it is refused by the log the second time.
            body = {"kind": "noop", "input": {}}
            await cluster.http.post("/api/v1/tasks", json=body, headers={"Idempotency-Key": "again"})
        async with follow(cluster.http, f"/api/v1/tasks/{tasks[0]['id']}/events") as events:
            await events.take(1)
        await cluster.outcome(tasks[-1]["id"])


def has_data(answer: dict[str, Any]) -> bool:
    """Whether a query has found something that is a number."""
    return any(not math.isnan(float(series["value"][1])) for series in answer["data"]["result"])


async def test_every_panel_shows_something_of_a_headrace_that_works(
    share_cluster: ShareCluster, tmp_path: Path
) -> None:
    async with (
        share_cluster("api", "worker", "projector") as cluster,
        prometheus(tmp_path, cluster) as address,
        httpx.AsyncClient(base_url=address) as http,
    ):
        working = asyncio.create_task(work(cluster))
        empty = {query for query in panel_queries() if NOTHING_OLD not in query.expression}

        async def all_have_data() -> bool:
            if working.done():
                working.result()
            for query in list(empty):
                try:
                    answer = await http.get("/api/v1/query", params={"query": query.expression})
                except httpx.TransportError:
                    return False
                assert answer.status_code != 400, f"{query}: {answer.text}"
                if answer.status_code == 200 and has_data(answer.json()):
                    empty.discard(query)
            await asyncio.sleep(1)  # another scrape
            return not empty

        try:
            await until(all_have_data, "data of every panel", PATIENCE_SECONDS)
        except AssertionError:
            raise AssertionError(f"no data: {sorted(query.where for query in empty)}") from None
        finally:
            working.cancel()
        states = (await http.get("/api/v1/rules")).json()["data"]["groups"]
        rules = [rule for group in states for rule in group["rules"]]
        assert all(rule["health"] == "ok" for rule in rules), rules
