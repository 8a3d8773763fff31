"""How long a client waits for pages of a large read model, and for the events of an old task."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx

from tests.bench.client.wire import HOST
from tests.bench.errors import BenchError
from tests.bench.report import Figure, Report, Target, percentile
from tests.bench.scale.history import History
from tests.bench.scale.loading import owner_of
from tests.bench.stack import Stack

REQUESTS = 400
WARM_UP = 20
PAGE = 100  # the page that is read deep in the list
READ_TARGET = Target(most=30)
JOIN_TARGET = Target(most=20)


class Reading(NamedTuple):
    """A request that is made many times: its name, how to make the next one, and where its p99 has to be."""

    name: str
    path: Callable[[], str]
    params: dict[str, Any]
    target: Target = READ_TARGET


async def read_pages(report: Report, stack: Stack, tasks: int) -> None:
    """One client, one request after the other."""
    history = History(await owner_of(stack))
    base = f"http://{HOST}:{stack.up.port}/api/v1"
    async with httpx.AsyncClient(base_url=base, headers=stack.up.signed, timeout=60) as client:
        cursor = await _cursor_of_page(client)
        for reading in _readings(history, tasks, cursor):
            await _measure(report, client, reading)


async def _cursor_of_page(client: httpx.AsyncClient) -> str:
    cursor = None
    for _ in range(PAGE - 1):
        answer = (await client.get("/tasks", params={} if cursor is None else {"cursor": cursor})).raise_for_status()
        cursor = answer.json()["next_cursor"] or cursor
    assert cursor is not None
    return cursor


def _readings(history: History, tasks: int, cursor: str) -> Iterator[Reading]:
    made_up = random.Random(1)
    day = datetime.now(UTC) - timedelta(days=1)

    def own() -> int:
        while True:
            number = made_up.randrange(tasks)
            if "owner" not in history.subject(number).owner:
                return number

    def the_list() -> str:
        return "/tasks"

    batch = history.batch_of(tasks // 2 // 4 * 4)
    for name, params in (
        ("first page", {}),
        (f"page {PAGE}", {"cursor": cursor}),
        ("by kind", {"kind": "scale_3"}),
        ("by a rare kind", {"kind": "scale_rare"}),
        ("by state", {"state": "failed"}),
        ("by kind and state", {"kind": "scale_3", "state": "cancelled"}),
        ("by batch", {"batch": batch}),
        ("by batch and state", {"batch": batch, "state": "failed"}),
        ("by a state that none is in", {"state": "running"}),
        ("by a time that few ran for", {"slower_than": 0.4}),
        ("by a time that none ran for", {"slower_than": 3600}),
        ("by a time that few waited for", {"waited_longer_than": 0.09}),
        ("newest first", {"sort": "newest"}),
        ("longest run first", {"sort": "longest_run"}),
        ("longest wait first", {"sort": "longest_wait"}),
        ("longest run of a kind", {"kind": "scale_3", "sort": "longest_run"}),
        ("longest run of a state", {"state": "failed", "sort": "longest_run"}),
    ):
        yield Reading(f"list, {name}", the_list, params)
    yield Reading("one task", lambda: f"/tasks/{history.task(own())}", {})
    yield Reading("timeline of a task", lambda: f"/tasks/{history.task(own())}/timeline", {})
    yield Reading("activity of 24 h, by hours", lambda: "/activity", {"from": day.isoformat(), "step": 3600})
    yield Reading("activity of 24 h, by minutes", lambda: "/activity", {"from": day.isoformat(), "step": 60})
    yield Reading("join the stream of an old task", lambda: f"/tasks/{history.task(own())}/events", {}, JOIN_TARGET)


async def _measure(report: Report, client: httpx.AsyncClient, reading: Reading) -> None:
    """Make a request many times. What the API does not know is left out, and said."""
    took: list[float] = []
    for number in range(WARM_UP + REQUESTS):
        began = time.perf_counter()
        answer = await client.get(reading.path(), params=reading.params)
        milliseconds = (time.perf_counter() - began) * 1e3
        if answer.status_code == HTTPStatus.BAD_REQUEST and not number:
            report.notes.append(f"{reading.name}: not measured, {answer.json()['message']}")
            return
        if answer.status_code != HTTPStatus.OK:
            raise BenchError(f"{reading.name} was answered {answer.status_code}: {answer.text[:300]}")
        if number >= WARM_UP:
            took.append(milliseconds)
    p50, p99 = percentile(took, 50), percentile(took, 99)
    report.say(f"scale: {reading.name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    report.figures.append(
        Figure(
            name=f"{reading.name}, p99",
            measured=f"{p99:.1f} ms",
            yardstick=f"p50 {p50:.1f} ms",
            value=p99,
            unit="ms",
            target=reading.target,
            detail={"p50": p50, "p90": percentile(took, 90), "p99": p99, "most": max(took)},
        )
    )
