"""The OpenAPI document of each mount, held against a process that serves this mount alone, by schemathesis.

It sends what a document permits and what it forbids, and looks at every answer: no error of the server, no status, media type,
header or body that the document does not have, nothing taken that it forbids, and 405 with Allow for other methods.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from headrace.api.mounts import Mount, document_of
from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.conftest import ShareCluster
from tests.documents.made import VARIABLE, World
from tests.flow.identity.session_steps import PASSWORD, make_account
from tests.generated import ROOT
from tests.waiting import until

CONFIG = Path(__file__).with_name("schemathesis.toml")
PATIENCE_SECONDS = 150.0  # for one run; the longest takes a third of that
LINES_SHOWN = 300  # of what a run that has found something says


class Served(NamedTuple):
    """A cluster with a process for each mount."""

    cluster: Cluster
    urls: dict[Mount, str]


@pytest.fixture(scope="module")
async def served(share_cluster: ShareCluster) -> AsyncGenerator[Served]:
    environ = {
        "HEADRACE_API_FOLLOW_SECRETS": "x" * 32,
        "HEADRACE_CONSUMERS": "tests.kinds.plain",
        # A run asks for more than anybody may.
        "HEADRACE_LIMITS_FACTOR": "100000",
    }
    async with share_cluster("api", "worker", "projector", **environ) as cluster:
        urls = dict(zip(Mount, (f"127.0.0.1:{port}" for port in free_ports(len(Mount))), strict=True))
        for mount, bind in urls.items():
            url = urls[mount] = f"http://{bind}"
            member = await cluster.spawn("api", HEADRACE_API_BIND=bind, HEADRACE_API_MOUNTS=mount)
            await until(lambda member=member, url=url: cluster.is_ready(member, url), f"the mount {mount}")
        yield Served(cluster, urls)


async def make_world(cluster: Cluster, url: str, role: str) -> World:
    """An account of a role that has one of everything."""
    user, email = await make_account(cluster, role=role)
    made = await cluster.make_user(user, role=role)
    few, _ = await make_account(cluster, role=role)
    key_of_few = (await cluster.make_user(few, role=role)).key
    other = await cluster.make_user()
    http, task = cluster.http_as(made.key), {"kind": "noop", "input": {}}
    tasks = [(await http.post("/api/v1/tasks", json=task)).json() for _ in range(2)]
    batch = (await http.post("/api/v1/batches", json={"kind": "noop", "inputs": [{}]})).json()
    schedule = (await http.post("/api/v1/schedules", json={**task, "every": 86_400})).json()
    last = (await cluster.http_as(key_of_few).post("/api/v1/tasks", json=task)).json()
    await cluster.all_finished([*(each["id"] for each in tasks), last["id"]])
    listed = await http.get("/api/v1/tasks", params={"limit": 1, "at_least": last["position"]})
    (of_batch,) = (await http.get("/api/v1/tasks", params={"batch": batch["id"]})).json()["items"]
    return World(
        url=url,
        database_url=cluster.database_url,
        role=role,
        id=user,
        key=made.key,
        email=email,
        password=PASSWORD,
        few=few,
        key_of_few=key_of_few,
        other=other.id,
        ids={
            "task": of_batch["id"],
            "batch": batch["id"],
            "schedule": schedule["id"],
            "key": made.key_id,
            "kind": "noop",
            "session": "nothing",
        },
        position=last["position"],
        beginning=tasks[0]["position"],
        cursor=listed.json()["next_cursor"],
    )


async def run_schemathesis(world: World, document: str, phases: str) -> tuple[int, str]:
    """Have schemathesis try a document; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", "schemathesis.cli"),
        *("--config-file", str(CONFIG), "run", "--no-color", "--phases", phases, f"{world.url}/api/docs/{document}"),
        cwd=ROOT,
        env=os.environ | {VARIABLE: msgspec.json.encode(world).decode()},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        said = b"it took too long\n" + (await process.communicate())[0]
    return process.returncode or 0, said.decode(errors="replace")


@pytest.mark.slow
@pytest.mark.parametrize("role", ["member", "admin"])
@pytest.mark.parametrize("mount", Mount)
async def test_every_answer_is_one_that_the_document_of_its_mount_has(served: Served, mount: Mount, role: str) -> None:
    cluster, urls = served
    world = await make_world(cluster, urls[mount], role)
    # Members are refused everything there, whatever they send.
    phases = "fuzzing" if (mount, role) == (Mount.ADMIN, "member") else "examples,coverage,fuzzing"
    name = f"{document_of(mount)}.json"
    code, said = await run_schemathesis(world, name, phases)
    lines = said.splitlines()
    assert code == 0, "\n".join(lines[-LINES_SHOWN:])
    document = (await cluster.http.get(f"{world.url}/api/docs/{name}")).json()
    count = sum(map(len, document["paths"].values()))
    assert re.search(rf"Tested: {count}\b", said), said
