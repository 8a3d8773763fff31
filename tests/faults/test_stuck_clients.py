"""Clients that are connected and do not read: they cost the others nothing, and the process next to nothing."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Generator

import pytest

from headrace.contracts.events import Logged, encode
from tests.accounts import AUTHORIZATION
from tests.cluster import Cluster
from tests.collector import Collector, collector
from tests.conftest import MakeCluster
from tests.faults.apis import Api
from tests.faults.browsers import Browser, all_given, any_event, browsers
from tests.waiting import WAIT_SECONDS, until, within

STALLED = (
    "headrace.api.streaming.open_streams.STALLED_SECONDS=0.5",
    "headrace.api.streaming.open_streams.CHECK_SECONDS=0.1",
)
WINDOW = 4096
LARGE = encode(Logged(attempt=1, level="info", message="x" * 32_000))
SLOW = 'headrace_event_stream_ends_total{reason="slow"}'


async def write(cluster: Cluster, count: int) -> None:
    """Let a task write lines, large ones, faster than any task does."""
    for _ in range(0, count, 10):
        line = cluster.log.appender.append
        await asyncio.gather(*(line("hr.tasks.logged.echo.normal.local.t1", LARGE, {}) for _ in range(10)))


async def write_until_cut_off(cluster: Cluster, api: Api, clients: int) -> float:
    """Write until so many clients were cut off; how many MiB that took."""
    deadline, lines = time.monotonic() + WAIT_SECONDS, 0
    while (await api.metrics())[SLOW] < clients:
        assert time.monotonic() < deadline, "clients that read nothing are not cut off"
        await write(cluster, 50)
        lines += 50
    return lines * len(LARGE) / (1 << 20)


@pytest.fixture
def collected() -> Generator[Collector]:
    with collector() as made:
        yield made


@pytest.mark.invariant(6)
@pytest.mark.slow
async def test_clients_that_read_nothing_are_cut_off_and_nobody_else_notices(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    api = await Api.start(cluster, *STALLED)
    last = (await cluster.log.refresh()).last_sequence
    made = [Browser(api.port, "/api/v1/events", window=0 if number < 2 else WINDOW) for number in range(8)]
    async with browsers(made) as (one, other, *stuck):
        await write(cluster, 140)  # as much as a feed keeps, for those who come later
        await until(lambda: all(len(browser.seen) >= 140 for browser in made), "all to see it")
        before = api.memory
        for browser in stuck:
            browser.pause()
        written = await write_until_cut_off(cluster, api, len(stuck))
        assert api.memory - before < written * len(stuck) / 2  # what they do not take is not kept for each of them
        assert (await api.metrics())["headrace_event_streams"] == 2
        await all_given(cluster, {one: any_event, other: any_event}, after=last)
        assert (one.connects, other.connects) == (1, 1)
        for browser in stuck:
            browser.go_on()
        await all_given(cluster, dict.fromkeys(stuck, any_event), after=last)  # each has resumed
        assert all(browser.connects >= 2 for browser in stuck)


async def test_an_api_told_to_stop_does_so_in_time_whatever_its_clients_do_and_sends_its_last_spans(
    make_cluster: MakeCluster, collected: Collector
) -> None:
    cluster = await make_cluster()
    # Spans wait for longer than the test takes, so that only the end of the process sends them.
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collected.url, "OTEL_BSP_SCHEDULE_DELAY": "60000"}
    api = await Api.start(cluster, HEADRACE_API_GRACE="1", **traced)
    made = [Browser(api.port, "/api/v1/events", window=0 if number < 2 else WINDOW) for number in range(4)]
    async with browsers(made) as (*_, idle, stuck):
        stuck.pause()
        await write(cluster, 100)
        await until(lambda: len(idle.seen) == 100, "the others to see it")
        assert len(stuck.seen) < 100
        assert (await cluster.http.get("/api/v1/kinds")).status_code == 200
        api.member.signal(signal.SIGTERM)
        told = time.monotonic()
        assert await api.member.exited() == 0
        assert time.monotonic() - told < 3
    await api.member.until_logged("ended with open connections")
    assert collected.spans("GET /api/v1/kinds")


async def test_a_body_that_does_not_arrive_costs_its_client_the_request_and_nobody_else_a_connection(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    constants = ("headrace.api.edge.request_body.SILENT_SECONDS=1.5", "headrace.api.listening.CHECK_SECONDS=0.1")
    api = await Api.start(cluster, *constants, HEADRACE_API_CONNECTIONS="16")
    await cluster.http.aclose()
    silent = [await begin_post(api) for _ in range(16)]
    _, waiting = await asyncio.open_connection("127.0.0.1", api.port)
    await api.member.until_logged("all connections are taken, others have to wait; see HEADRACE_API_CONNECTIONS")
    async with within(WAIT_SECONDS, "the answers to clients that say nothing"):
        for reader, _ in silent:
            assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    await api.member.until_logged("connections are accepted again")
    for _, writer in silent:
        writer.close()
    waiting.close()


async def test_an_api_told_to_stop_does_not_wait_for_a_body_that_does_not_arrive(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    api = await Api.start(cluster, HEADRACE_API_GRACE="20")
    reader, writer = await begin_post(api)
    api.member.signal(signal.SIGTERM)
    told = time.monotonic()
    assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
    assert await api.member.exited() == 0
    assert time.monotonic() - told < 5
    writer.close()


async def test_connections_whose_answers_are_not_read_are_closed(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    api = await Api.start(cluster, "headrace.api.listening.UNREAD_SECONDS=1")
    files = api.files
    with socket.socket() as unread:
        unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        unread.connect(("127.0.0.1", api.port))
        unread.setblocking(False)
        request = b"GET /api/docs/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(unread, request * 200)
        await until(lambda: api.files > files, "the connection")
        await until(lambda: api.files <= files, "the connection to be closed")


async def begin_post(api: Api) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send the headers of a submission, and one byte of its body. The API has it when it asks for more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    headers = "Host: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n"
    writer.write(f"POST /api/v1/tasks HTTP/1.1\r\n{headers}{AUTHORIZATION}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 100 ")
    await reader.readline()
    writer.write(b"{")
    return reader, writer
