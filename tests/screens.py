"""Screens as a page has them: while a part is late, as on a machine that does much else, they are asked for again."""

from __future__ import annotations

from typing import Any

import httpx

from tests.waiting import until

LATE = {"part_timeout", "read_model_behind"}


async def show(http: httpx.AsyncClient, screen: str, **query: Any) -> dict[str, Any]:
    """A screen with all of its parts."""
    shown = await show_in_time(http, screen, **query)
    assert not shown["stale"], shown["stale"]
    return shown


async def show_in_time(http: httpx.AsyncClient, screen: str, **query: Any) -> dict[str, Any]:
    """A screen of which no part is late. Parts that cannot be read for another reason are stale."""

    async def in_time() -> dict[str, Any] | None:
        shown = await _read(http, screen, **query)
        return None if any(each["error_code"] in LATE for each in shown["stale"]) else shown

    return await until(in_time, f"{screen} in time")


async def show_without(http: httpx.AsyncClient, screen: str, parts: set[str], **query: Any) -> dict[str, Any]:
    """A screen of which exactly these parts are stale, for whatever reason."""

    async def as_expected() -> dict[str, Any] | None:
        shown = await _read(http, screen, **query)
        return shown if {each["part"] for each in shown["stale"]} == parts else None

    return await until(as_expected, f"{screen} without {', '.join(sorted(parts))}")


async def _read(http: httpx.AsyncClient, screen: str, **query: Any) -> dict[str, Any]:
    answer = await http.get(f"/bff/v1/{screen}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()
