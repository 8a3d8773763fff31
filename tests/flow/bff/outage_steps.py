"""What the screens of administrators say while a server is away: what it says is as it was, and the rest is new."""

from __future__ import annotations

from typing import Any

import httpx

from tests.waiting import until

OF_READ_MODEL = {"counts", "throughput", "latency", "attention", "busiest"}


async def read_screens(http: httpx.AsyncClient) -> dict[str, Any]:
    """Read the screens while all is well, so that each part is known."""
    screens = {each: await _read(http, each) for each in ("overview", "operations", "failures")}
    assert not any(shown["stale"] for shown in screens.values()), screens
    return screens


async def check_without_postgres(http: httpx.AsyncClient, known: dict[str, Any]) -> None:
    await until(lambda: _is_stale(http, "overview", OF_READ_MODEL | {"pending_users"}), "the overview is stale")
    overview, operations = await _read(http, "overview"), await _read(http, "operations")
    assert overview["counts"] == known["overview"]["counts"]
    assert overview["health"]["state"] == "down"
    assert {each["part"] for each in operations["stale"]} == {"last_hour"}
    assert operations["last_hour"] == known["operations"]["last_hour"]
    assert [each["name"] for each in operations["kinds"]] == [each["name"] for each in known["operations"]["kinds"]]
    failures = await _read(http, "failures")
    assert {each["part"] for each in failures["stale"]} == {"total", "groups"}


async def check_without_nats(http: httpx.AsyncClient, known: dict[str, Any]) -> None:
    await until(lambda: _is_stale(http, "overview", {"health"}), "the overview is stale")
    overview, operations = await _read(http, "overview"), await _read(http, "operations")
    assert overview["health"]["state"] == "down"
    assert overview["health"]["log"]["bytes_max"] == known["overview"]["health"]["log"]["bytes_max"]
    assert {each["part"] for each in operations["stale"]} == {"kinds", "readers"}
    assert [each["name"] for each in operations["kinds"]] == [each["name"] for each in known["operations"]["kinds"]]
    assert operations["streams"] is not None
    assert not (await _read(http, "failures"))["stale"]


async def _is_stale(http: httpx.AsyncClient, screen: str, parts: set[str]) -> bool:
    return {each["part"] for each in (await _read(http, screen))["stale"]} == parts


async def _read(http: httpx.AsyncClient, screen: str) -> dict[str, Any]:
    answer = await http.get(f"/bff/v1/admin/{screen}")
    assert answer.status_code == 200, answer.text
    return answer.json()
