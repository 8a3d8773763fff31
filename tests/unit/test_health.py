from __future__ import annotations

import asyncio

import httpx
import pytest

from headrace.embedded.network import free_ports
from headrace.health import REQUEST_BYTES_MAX, serve_health, summarize


def test_one_word_over_several_checks_is_ok_when_each_is() -> None:
    assert summarize({}).status == "ok"
    assert summarize({"nats": "ok", "postgres": "ok"}).status == "ok"
    assert summarize({"nats": "ok", "postgres": "cannot be reached"}).status == "failing"


async def test_a_process_says_how_it_is_over_http() -> None:
    checks = {"nats": "ok"}

    async def ready() -> dict[str, str]:
        return checks

    bind = f"127.0.0.1:{free_ports(1)[0]}"
    async with (
        serve_health(bind, ready, variable="HEADRACE_WORKER_HEALTH"),
        httpx.AsyncClient(base_url=f"http://{bind}") as http,
    ):
        answer = await http.get("/health/ready")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": {"nats": "ok"}})

        checks["nats"] = "disconnected; reconnecting"
        answer = await http.get("/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "failing")
        assert (await http.get("/health/live")).status_code == 200, "it lives, whatever it waits for"
        assert (await http.get("/metrics")).status_code == 404


async def test_a_second_process_on_an_address_is_told_which_setting_has_it() -> None:
    async def ready() -> dict[str, str]:
        return {}

    bind = f"127.0.0.1:{free_ports(1)[0]}"
    async with serve_health(bind, ready, variable="HEADRACE_WORKER_HEALTH"):
        with pytest.raises(
            OSError, match=f"^cannot listen on {bind}: Address already in use; .* HEADRACE_WORKER_HEALTH$"
        ):
            async with serve_health(bind, ready, variable="HEADRACE_WORKER_HEALTH"):
                pass


@pytest.mark.parametrize("request_", [b"", b"nonsense\r\n\r\n", b"\r\n\r\n", b"GET " + b"x" * 2 * REQUEST_BYTES_MAX])
async def test_what_is_no_request_does_not_stop_it(request_: bytes) -> None:
    async def ready() -> dict[str, str]:
        return {}

    port = free_ports(1)[0]
    async with serve_health(f"127.0.0.1:{port}", ready, variable="HEADRACE_WORKER_HEALTH"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        writer.write_eof()
        await reader.read()
        writer.close()
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200


async def _answer_to(bind: str, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*bind.split(":"))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


async def test_head_is_answered_without_a_body_a_query_is_ignored_and_other_methods_are_refused() -> None:
    async def ready() -> dict[str, str]:
        return {"left_over": "ok; 2 of at most 32"}

    bind = f"127.0.0.1:{free_ports(1)[0]}"
    async with (
        serve_health(bind, ready, metrics=lambda: b"up 1\n", variable="HEADRACE_WORKER_HEALTH"),
        httpx.AsyncClient(base_url=f"http://{bind}") as http,
    ):
        got, head = await http.get("/health/ready"), await http.head("/health/ready")
        assert got.status_code == head.status_code == 200
        assert head.headers["content-length"] == got.headers["content-length"] != "0"
        assert head.content == b""
        assert (await http.get("/metrics?name[]=x")).text == "up 1\n"
        refused = await http.post("/metrics")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        assert (await http.get("/elsewhere")).status_code == 404


@pytest.mark.parametrize(
    "line", [b"X", b"", b"GET", b"GET /health/live", b"GET /a b HTTP/1.1", b"GET /health/live FTP/1.1"]
)
async def test_a_line_that_is_no_request_is_answered_400_and_logged_by_nobody(
    line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def ready() -> dict[str, str]:
        return {}

    bind = f"127.0.0.1:{free_ports(1)[0]}"
    async with serve_health(bind, ready, variable="HEADRACE_WORKER_HEALTH"):
        assert (await _answer_to(bind, line + b"\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
    assert caplog.records == []
