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
    async with serve_health(bind, ready), httpx.AsyncClient(base_url=f"http://{bind}") as http:
        answer = await http.get("/health/ready")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "checks": {"nats": "ok"}})

        checks["nats"] = "disconnected; reconnecting"
        answer = await http.get("/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (503, "failing")
        assert (await http.get("/health/live")).status_code == 200, "it lives, whatever it waits for"
        assert (await http.get("/metrics")).status_code == 404


@pytest.mark.parametrize("request_", [b"", b"nonsense\r\n\r\n", b"\r\n\r\n", b"GET " + b"x" * 2 * REQUEST_BYTES_MAX])
async def test_what_is_no_request_does_not_stop_it(request_: bytes) -> None:
    async def ready() -> dict[str, str]:
        return {}

    port = free_ports(1)[0]
    async with serve_health(f"127.0.0.1:{port}", ready):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        writer.write_eof()
        await reader.read()
        writer.close()
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"http://127.0.0.1:{port}/health/ready")).status_code == 200
