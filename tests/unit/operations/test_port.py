from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress

import httpx
import psutil
import pytest
from prometheus_client.metrics_core import Metric

from headrace.embedded.network import free_ports
from headrace.errors import KindNotFound
from headrace.health import Readiness, all_needed, summarize
from headrace.operations import port
from headrace.operations.answers import Operations
from headrace.operations.port import CONNECTIONS_MAX, REQUEST_BYTES_MAX, serve_operations
from headrace.stop import Stop
from tests.waiting import until

VARIABLE = "HEADRACE_WORKER_OPS"


@asynccontextmanager
async def answering(host: str = "127.0.0.1", checks: dict[str, str] | None = None) -> AsyncGenerator[Asked]:
    """A process that answers on a free port, and is ready by these checks; None for one that starts."""
    port = free_ports(1)[0]
    stop = Stop()
    operations = Operations(stop)
    if checks is not None:

        async def ready() -> Readiness:
            return all_needed(checks)

        operations.ready = ready
    async with (
        serve_operations(f"{host}:{port}", operations, variable=VARIABLE),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        yield Asked(port, operations, stop, http)


class Asked:
    def __init__(self, port: int, operations: Operations, stop: Stop, http: httpx.AsyncClient) -> None:
        self.port, self.operations, self.stop, self.http = port, operations, stop, http

    async def statuses(self) -> list[int]:
        """The status of live, startup and ready."""
        return [(await self.http.get(f"/health/{each}")).status_code for each in ("live", "startup", "ready")]

    async def raw(self, request: bytes) -> bytes:
        """Send what may be no request, and return everything that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer


def test_one_word_over_several_checks_is_ok_when_each_is() -> None:
    assert summarize({}).status == "ok"
    assert summarize({"nats": "ok", "postgres": "ok"}).status == "ok"
    assert summarize({"nats": "ok", "postgres": "cannot be reached"}).status == "failing"


async def test_a_process_lives_while_it_starts_has_started_once_it_was_ready_and_is_not_ready_while_it_stops() -> None:
    checks: dict[str, str] = {}
    async with answering() as process:
        assert await process.statuses() == [200, 503, 503]
        assert (await process.http.get("/health/ready")).json()["checks"] == {
            "process": "starting; NATS has not answered yet"
        }
        process.operations.note_wait("NATS cannot be reached: Connect call failed")
        assert (await process.http.get("/health/ready")).json()["checks"] == {
            "process": "starting; NATS cannot be reached: Connect call failed"
        }

    async with answering(checks=checks) as process:
        checks["nats"] = "disconnected; reconnecting"
        assert await process.statuses() == [200, 503, 503]
        checks["nats"] = "ok"
        answer = await process.http.get("/health/ready")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": {"nats": "ok"}})
        checks["nats"] = "disconnected; reconnecting"
        assert await process.statuses() == [200, 200, 503], "it has started, whatever it waits for"
        answers = [await process.http.get(f"/health/{each}") for each in ("startup", "ready")]
        assert [answer.headers.get("Retry-After") for answer in answers] == [None, "2"]
        checks["nats"] = "ok"
        process.stop.tell()
        assert await process.statuses() == [200, 200, 503]
        assert (await process.http.get("/health/ready")).json()["checks"] == {"nats": "ok", "process": "draining"}


@pytest.mark.parametrize("host", ["", "[::]"])
async def test_every_address_means_those_of_both_protocols(host: str) -> None:
    async with answering(host) as process:
        assert (await process.http.get("/health/live")).status_code == 200
        if socket.has_dualstack_ipv6():
            async with httpx.AsyncClient() as http:
                assert (await http.get(f"http://[::1]:{process.port}/health/live")).status_code == 200


async def test_a_second_process_on_an_address_is_told_which_setting_has_it() -> None:
    async with answering() as process:
        bind = f"127.0.0.1:{process.port}"
        with pytest.raises(OSError, match=f"^cannot listen on {bind}: Address already in use; .* {VARIABLE}$"):
            async with serve_operations(bind, process.operations, variable=VARIABLE):
                pass


async def test_the_backlog_is_asked_for_by_kinds_and_an_error_is_a_sentence() -> None:
    async def count(kinds: frozenset[str]) -> int:
        if "nope" in kinds:
            raise KindNotFound("no worker has ever run the kind 'nope'")
        return len(kinds)

    async with answering() as process:
        early = await process.http.get("/backlog")
        assert (early.status_code, early.headers["Retry-After"]) == (503, "2"), "nothing can be counted yet"
        process.operations.count_backlog = count
        for query, expected in (("", 0), ("?kinds=", 0), ("?kinds=a,b", 2), ("?kinds=a&kinds=b,c", 3)):
            assert (await process.http.get(f"/backlog{query}")).json() == {"backlog": expected}
        refused = await process.http.get("/backlog?kinds=a,nope")
        assert refused.status_code == 404
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["detail"] == "no worker has ever run the kind 'nope'"


@pytest.mark.parametrize("request_", [b"", b"nonsense\r\n\r\n", b"\r\n\r\n", b"GET " + b"x" * 2 * REQUEST_BYTES_MAX])
async def test_what_is_no_request_does_not_stop_it(request_: bytes) -> None:
    async with answering() as process:
        await process.raw(request_)
        assert (await process.http.get("/health/live")).status_code == 200


async def test_connections_that_ask_for_nothing_do_not_keep_a_probe_from_its_answer() -> None:
    async with answering() as process:
        idle = [await asyncio.open_connection("127.0.0.1", process.port) for _ in range(CONNECTIONS_MAX)]
        assert (await process.http.get("/health/live")).status_code == 200
        with suppress(ConnectionError):
            assert await idle[0][0].read() == b"", "the eldest made room"
        idle[-1][1].write(b"GET /health/live HTTP/1.1\r\n\r\n")
        assert (await idle[-1][0].read()).startswith(b"HTTP/1.1 200 ")
        for _, writer in idle:
            writer.close()


class Broken:
    """A collector with a fault of its own."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def collect(self) -> Iterable[Metric]:
        if self.error is not None:
            raise self.error
        return ()


@pytest.mark.parametrize("error", [ValueError("secret"), TimeoutError("secret"), OSError("secret")])
async def test_what_cannot_be_answered_is_a_500_and_logged_once_with_its_reason(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    collector = Broken()
    async with answering() as process:
        process.operations.metrics.add(collector)
        collector.error = error
        for _ in range(3):
            refused = await process.http.get("/metrics")
            assert (refused.status_code, refused.json()["error_code"]) == (500, "internal_error")
            assert "secret" not in refused.text
        assert (await process.http.get("/health/live")).status_code == 200
        collector.error = None
        assert (await process.http.get("/metrics")).status_code == 200
    said = "".join(capsys.readouterr())
    assert said.count("the operations port cannot answer") == 1
    assert said.count("the operations port answers again") == 1
    assert type(error).__name__ in said


class Large:
    """A collector whose page is more than the buffers between two sockets of one machine hold."""

    def collect(self) -> Iterable[Metric]:
        yield Metric("headrace_large", "x" * 20_000_000, "gauge")


async def test_a_client_that_does_not_read_its_answer_loses_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "REQUEST_TIMEOUT_SECONDS", 0.3)
    async with answering() as process:
        process.operations.metrics.add(Large())
        before = len(psutil.Process().net_connections())
        with socket.create_connection(("127.0.0.1", process.port)) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            await until(lambda: len(psutil.Process().net_connections()) == before + 2, "the connection")
            await until(lambda: len(psutil.Process().net_connections()) == before + 1, "the end of its server's side")


async def test_a_misspelt_filter_is_refused_and_not_answered_with_the_backlog_of_all() -> None:
    async def count(kinds: frozenset[str]) -> int:
        assert kinds == {"a", "b"}
        return 7

    async with answering() as process:
        process.operations.count_backlog = count
        refused = await process.http.get("/backlog?kind=a")
        assert (refused.status_code, refused.json()["detail"]) == (
            400,
            "there is no parameter 'kind' here; there is kinds",
        )
        assert (await process.http.get("/backlog?kinds=a,%20b")).json() == {"backlog": 7}


async def test_a_request_that_is_too_long_is_told_so() -> None:
    async with answering() as process:
        answer = await process.raw(b"GET /backlog?kinds=" + b"a," * (REQUEST_BYTES_MAX // 2) + b" HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert b"at most 8192 bytes" in answer


async def test_head_is_answered_without_a_body_a_query_is_ignored_and_other_methods_are_refused() -> None:
    async with answering(checks={"left_over": "ok; 2 of at most 32"}) as process:
        got, head = await process.http.get("/health/ready"), await process.http.head("/health/ready")
        assert got.status_code == head.status_code == 200
        assert head.headers["content-length"] == got.headers["content-length"] != "0"
        assert head.content == b""
        assert (await process.http.get("/metrics?name[]=x")).status_code == 200
        refused = await process.http.post("/metrics")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        assert (await process.http.get("/elsewhere")).status_code == 404


@pytest.mark.parametrize(
    "line", [b"X", b"", b"GET", b"GET /health/live", b"GET /a b HTTP/1.1", b"GET /health/live FTP/1.1"]
)
async def test_a_line_that_is_no_request_is_answered_400_and_logged_by_nobody(
    line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with answering() as process:
        assert (await process.raw(line + b"\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
    assert caplog.records == []
