"""Clients that come and go, thousands of times: nothing of them stays."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from typing import NamedTuple

import pytest
from nats.errors import NoRespondersError

from tests.accounts import AUTHORIZATION
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.faults.apis import Api
from tests.proxy import Break
from tests.waiting import until, within

AT_ONCE = 40
ANSWER_SECONDS = 20.0
FILES_MORE = 12  # connections to Postgres, which come with use
GROWTH = 1.1  # of memory, over what it was after the first cycles
LINGER = struct.pack("ii", 1, 0)  # with which closing is a reset


class Standing(NamedTuple):
    """What an API process has while nobody follows."""

    tasks: int
    files: int


class Churn:
    """Clients of all kinds of streams, each of which leaves in its own way as soon as it has been answered, or before."""

    def __init__(self, api: Api, paths: list[str]) -> None:
        self._port = api.port
        self._ways = itertools.cycle(itertools.product(paths, (Break.CLOSE, Break.RESET, None)))
        self.answered = 0

    async def run(self, cycles: int) -> None:
        left = iter(range(cycles))

        async def one_after_the_other() -> None:
            for _ in left:
                path, how = next(self._ways)
                async with within(ANSWER_SECONDS, f"{path} to be answered", lambda: f"{self.answered} answers"):
                    await self._come_and_go(path, how)

        await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))

    async def _come_and_go(self, path: str, how: Break | None) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: here\r\n{AUTHORIZATION}\r\n\r\n".encode())
            if how is None:
                return  # before the answer
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            await reader.readuntil(b"id: ")
            self.answered += 1
            if how is Break.RESET:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        finally:
            writer.transport.abort()


async def settled(cluster: Cluster, api: Api, subjects: list[str]) -> None:
    """Return when the process has noticed that everybody has gone."""

    async def nobody() -> bool:
        found = await api.metrics()
        return found["headrace_event_streams"] == 0 and found["headrace_event_stream_subscriptions"] == 0

    await until(nobody, "all streams and subscriptions to be closed")
    for subject in subjects:
        await until(lambda subject=subject: _nobody_listens(cluster, subject), f"nobody to listen to {subject}")


async def _nobody_listens(cluster: Cluster, subject: str) -> bool:
    try:
        await cluster.log._connection.request(subject, b"", timeout=0.1)
    except NoRespondersError:
        return True
    except TimeoutError:
        return False
    raise AssertionError("somebody answers")


async def come_and_go(cluster: Cluster, warm_up: int, cycles: int) -> None:
    """Have clients come and go, and then as many times again and more: what is there after the first is there at the end."""
    api, _ = await asyncio.gather(Api.start(cluster), cluster.start("worker", "projector"))
    await cluster.until_kinds_known()
    task = (await cluster.submit("wait", name="gate"))["id"]
    inputs = [{"name": "gate"}] * 2
    answer = await cluster.http.post("/api/v1/batches", json={"kind": "wait", "inputs": inputs})
    assert answer.status_code == 202, answer.text
    batch = answer.json()["id"]
    paths = [f"/api/v1/{each}" for each in ("events", f"tasks/{task}/events", f"events?task={task}&event=finished")]
    paths += ["/api/v1/events?kind=wait", f"/api/v1/batches/{batch}/events"]
    subjects = [f"hr.live.tasks.logged.wait.normal.local.{task}", f"hr.live.batches.counted.local.{batch}"]
    churn = Churn(api, paths)
    try:
        await churn.run(warm_up)
        await settled(cluster, api, subjects)
        memory, before = api.memory, Standing(await api.tasks(), api.files)
        await churn.run(cycles)
        await settled(cluster, api, subjects)
        await until(lambda: _is_as_before(api, before), f"as little to be there as before: {before}")
        assert api.memory < memory * GROWTH
        assert churn.answered > 0.6 * (warm_up + cycles)
    finally:
        cluster.open_gate("gate")


async def _is_as_before(api: Api, before: Standing) -> bool:
    return await api.tasks() <= before.tasks and api.files <= before.files + FILES_MORE


async def test_500_clients_that_come_and_go_leave_nothing(make_cluster: MakeCluster) -> None:
    await come_and_go(await make_cluster(), warm_up=200, cycles=500)


@pytest.mark.slow
async def test_10_000_clients_that_come_and_go_leave_nothing(make_cluster: MakeCluster) -> None:
    await come_and_go(await make_cluster(), warm_up=500, cycles=10_000)
