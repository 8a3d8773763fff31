"""Machines whose clocks differ: what is due or expires goes by the clock of NATS, and somebody is told."""

from __future__ import annotations

import re

import pytest

from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.life_steps import accepted, instant, now
from tests.member import Member

HOUR = 3600.0
CLOCK = r"the clock of this machine is 3,(599|600)\.\d s {} that of NATS; what is due goes by NATS; set them right"


@pytest.mark.invariant(1)
@pytest.mark.parametrize(("api", "worker"), [(HOUR, -HOUR), pytest.param(-HOUR, HOUR, marks=pytest.mark.slow)])
async def test_a_task_is_due_and_expires_as_if_no_clock_were_wrong(
    make_cluster: MakeCluster, api: float, worker: float
) -> None:
    cluster = await make_cluster()
    (projector_port, worker_port) = free_ports(2)
    members = [
        await start(cluster, "api", api),
        await start(cluster, "projector", api, HEADRACE_PROJECTOR_OPS=f"127.0.0.1:{projector_port}"),
        await start(cluster, "worker", worker, HEADRACE_WORKER_OPS=f"127.0.0.1:{worker_port}"),
    ]
    for member in members:
        await cluster.until_ready(member)
    await cluster.until_kinds_known()

    before = now()
    tasks = [
        await accepted(cluster, "echo", input={"text": "soon"}, expires_in=60),
        await accepted(cluster, "echo", input={"text": "later"}, delay=0.5, expires_in=60),
        await accepted(cluster, "flaky", input={"steps": ["retry", "ok"], "after": 0.5}),
    ]
    for task in tasks:
        assert (await cluster.outcome(task["id"]))["state"] == "succeeded"
    assert abs((instant(tasks[1]["due_at"]) - before).total_seconds()) < 5

    urls = (cluster.url, f"http://127.0.0.1:{projector_port}", f"http://127.0.0.1:{worker_port}")
    for member, ahead, url in zip(members, (api, api, worker), urls, strict=True):
        told = (await cluster.http.get(f"{url}/health/ready")).json()["checks"]["clock"]
        assert re.fullmatch(CLOCK.format("ahead of" if ahead > 0 else "behind"), told)
        assert len([line for line in member.lines if "the clock of this machine is" in line]) == 1


async def start(cluster: Cluster, name: str, ahead: float, **environ: str) -> Member:
    return await cluster.spawn_module(name, "tests.flow.life.wrong_clock", TEST_CLOCK_SECONDS=str(ahead), **environ)
