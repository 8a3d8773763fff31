"""What the screens of administrators say while a server is away: what it says is as it was, and the rest is new."""

from __future__ import annotations

from typing import Any

import httpx

from tests.screens import show, show_without

OF_READ_MODEL = {"counts", "throughput", "latency", "attention", "busiest"}


async def read_screens(http: httpx.AsyncClient) -> dict[str, Any]:
    """Read the screens while all is well, so that each part is known."""
    return {each: await show(http, f"admin/{each}") for each in ("overview", "operations", "failures")}


async def check_without_postgres(http: httpx.AsyncClient, known: dict[str, Any]) -> None:
    overview = await show_without(http, "admin/overview", OF_READ_MODEL | {"pending_users"})
    assert overview["counts"] == known["overview"]["counts"]
    assert overview["health"]["state"] == "down"
    operations = await show_without(http, "admin/operations", {"last_hour"})
    assert operations["last_hour"] == known["operations"]["last_hour"]
    assert [each["name"] for each in operations["kinds"]] == [each["name"] for each in known["operations"]["kinds"]]
    await show_without(http, "admin/failures", {"total", "groups"})


async def check_without_nats(http: httpx.AsyncClient, known: dict[str, Any]) -> None:
    overview = await show_without(http, "admin/overview", {"health"})
    assert overview["health"]["state"] == "down"
    assert overview["health"]["log"]["bytes_max"] == known["overview"]["health"]["log"]["bytes_max"]
    operations = await show_without(http, "admin/operations", {"kinds", "readers"})
    assert [each["name"] for each in operations["kinds"]] == [each["name"] for each in known["operations"]["kinds"]]
    assert operations["streams"] is not None
    await show(http, "admin/failures")
