"""One client that asks for one screen after the other."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx

from tests.bench.client.wire import HOST
from tests.bench.errors import BenchError
from tests.bench.processes import cpu_seconds
from tests.bench.report import Figure, Report, Target, percentile
from tests.bench.screens.rows import LARGE_BATCH, OWNERS, task_id
from tests.bench.stack import Stack

REQUESTS = 400
WARM_UP = 50
P50_TARGET = Target(most=8)
P99_TARGET = Target(most=40)
UNCHANGED_TARGET = Target(most=2)
TASK_FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"state": "failed"},
    {"kind": "bench_3"},
    {"kind": "bench_3", "state": "cancelled"},
    {"code": "raised"},
    {"q": "history essay"},
    {"schedule": "schedule-1-3"},
    {"created_from": "2020-01-01T00:00:00Z"},
    {"finished_from": "2020-01-01T00:00:00Z"},
    {"slower_than": 6.5},
    {"waited_longer_than": 0.19},
)

# Of a thousand tasks each number says which state they are in, see `tests.bench.screens.rows`.
FINISHED = next(n for n in range(5000, 6000) if n * 7919 % 1000 < 850)
QUEUED = next(n for n in range(5000, 6000) if 970 <= n * 7919 % 1000 < 999)


class Reading(NamedTuple):
    """A screen that is asked for many times.

    Attributes:
        name: What it is called in the table.
        path: Where it is, below `/bff/v1`. `{task}` is a task of the account that asks, another one each time.
        params: The query of each request, as long as there are any.
        is_admin: Whether the administrator asks; otherwise the accounts do in turn.
    """

    name: str
    path: str
    params: dict[str, Any]
    is_admin: bool = False


class Measuring(NamedTuple):
    """Where it is measured and how many tasks there are."""

    report: Report
    stack: Stack
    client: httpx.AsyncClient
    tasks: int


def readings(fingerprint: str) -> Iterator[Reading]:
    """The screens."""
    yield Reading("DashboardV1", "member/dashboard", {})
    yield Reading("OverviewV1", "admin/overview", {}, is_admin=True)
    yield Reading("OperationsV1", "admin/operations", {}, is_admin=True)
    yield Reading("FailuresV1", "admin/failures", {}, is_admin=True)
    yield Reading("FailuresV1 of a kind", "admin/failures", {"kind": "bench_3"}, is_admin=True)
    yield Reading("FailuresV1 with a group", "admin/failures", {"fingerprint": fingerprint}, is_admin=True)
    yield Reading("SchedulesV1", "member/schedules", {})
    yield Reading("TaskDetailV1 of many accounts", "member/tasks/{task}", {})
    yield Reading("TaskDetailV1", f"admin/tasks/{task_id(FINISHED)}", {}, is_admin=True)
    yield Reading("TaskDetailV1 of one that waits", f"admin/tasks/{task_id(QUEUED)}", {}, is_admin=True)
    yield Reading("BatchDetailV1 of a tenth of all", f"admin/batches/{LARGE_BATCH}", {}, is_admin=True)
    yield Reading(
        "BatchDetailV1, those that failed", f"admin/batches/{LARGE_BATCH}", {"state": "failed"}, is_admin=True
    )
    for params in TASK_FILTERS:
        yield Reading(
            f"TasksV1 {'&'.join(f'{name}={value}' for name, value in params.items())}", "member/tasks", params
        )
    yield Reading("BatchesV1", "member/batches", {})
    yield Reading("FilesV1", "member/files", {})


async def read_screens(report: Report, stack: Stack, keys: Sequence[str], tasks: int) -> None:
    """Ask for each screen."""
    base = f"http://{HOST}:{stack.up.port}/bff/v1/"
    members = [{"Authorization": f"Bearer {key}"} for key in keys]
    async with httpx.AsyncClient(base_url=base, timeout=60) as client:
        # The first request of an account looks up its key, and has its events heard from then on.
        for headers in members:
            (await client.get("member/dashboard", headers=headers)).raise_for_status()
        shown = (await client.get("admin/failures", headers=stack.up.signed)).raise_for_status().json()
        for reading in readings(shown["groups"][0]["fingerprint"]):
            asking = [stack.up.signed] if reading.is_admin else members
            await _measure(Measuring(report, stack, client, tasks), reading, itertools.cycle(asking))
        await _measure_unchanged(report, client, members[1])


async def _measure(measuring: Measuring, reading: Reading, headers: Iterator[dict[str, str]]) -> None:
    took: list[float] = []
    before: dict[str, float] = {}
    for number in range(WARM_UP + REQUESTS):
        if number == WARM_UP:
            before = cpu_seconds(measuring.stack.up.running)
        of_request, path = next(headers), reading.path.format(task=_task_of(number, measuring.tasks))
        began = time.perf_counter()
        answer = await measuring.client.get(path, params=reading.params, headers=of_request)
        milliseconds = (time.perf_counter() - began) * 1e3
        if not number and answer.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST):
            measuring.report.notes.append(f"{reading.name}: not measured, {answer.json()['message']}")
            return
        _check(reading.name, answer)
        if number >= WARM_UP:
            took.append(milliseconds)
    after = cpu_seconds(measuring.stack.up.running)
    cpu = {name: (after[name] - before[name]) / len(took) * 1e3 for name in ("api", "postgres")}
    _report(measuring.report, reading.name, took, cpu)


async def _measure_unchanged(report: Report, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """A page asks again for what it has, within the second for which a screen is kept."""
    took: list[float] = []
    etag = ""
    while len(took) < REQUESTS:
        began = time.perf_counter()
        answer = await client.get("member/dashboard", headers=headers | {"If-None-Match": etag})
        milliseconds = (time.perf_counter() - began) * 1e3
        if answer.status_code == HTTPStatus.NOT_MODIFIED:
            took.append(milliseconds)
        else:
            etag = answer.raise_for_status().headers["ETag"]
    p50, p99 = percentile(took, 50), percentile(took, 99)
    report.figures.append(
        Figure(
            name="304, p50",
            measured=f"{p50:.2f} ms",
            yardstick=f"p99 {p99:.2f} ms",
            value=p50,
            unit="ms",
            target=UNCHANGED_TARGET,
            detail={"p50": p50, "p99": p99, "most": max(took)},
        )
    )


def _check(name: str, answer: httpx.Response) -> None:
    if answer.status_code != HTTPStatus.OK:
        raise BenchError(f"{name} was answered {answer.status_code}: {answer.text[:300]}")
    if stale := answer.json()["stale"]:
        raise BenchError(f"{name} has parts that could not be read: {stale}")


def _task_of(number: int, tasks: int) -> str:
    """Return a task of the account whose turn it is; those of the large batch come first, and are all of one account."""
    among_others = random.Random(number).randrange(tasks // 10 // OWNERS + 1, tasks // OWNERS)
    return task_id(among_others * OWNERS + number % OWNERS)


def _report(report: Report, name: str, took: Sequence[float], cpu: dict[str, float]) -> None:
    p50, p99 = percentile(took, 50), percentile(took, 99)
    used = ", ".join(f"{process} {milliseconds:.1f}" for process, milliseconds in cpu.items())
    report.say(f"screens: {name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms; CPU {used} ms")
    for share, value, target in (("p50", p50, P50_TARGET), ("p99", p99, P99_TARGET)):
        report.figures.append(
            Figure(
                name=f"{name}, {share}",
                measured=f"{value:.1f} ms",
                yardstick=f"CPU: {used} ms" if share == "p50" else "",
                value=value,
                unit="ms",
                target=target,
                detail={"p50": p50, "p90": percentile(took, 90), "p99": p99, "most": max(took), "cpu": cpu},
            )
        )
