"""Writing the log of many tasks, and waiting until the projector has made rows of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from headrace.log import consumer_names, subjects
from headrace.log.append import PROBE_HEADERS
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers
from headrace.log.opening import open_log
from headrace.log.permissions import API, WORKER
from tests.bench.client.wire import HOST
from tests.bench.processes import cpu_seconds, quiet, resident_by_process
from tests.bench.report import Figure, Report, Target
from tests.bench.scale.history import EVENTS, History
from tests.bench.stack import Stack, as_user

PROBE_SHARE = 0.05  # of the tasks, with which the projector's rate is measured at the beginning and at the end
PROBE_TASKS_MAX = 40_000
AWAITED_EVERY = 2_000  # events that are sent before one is waited for, so that none piles up in this process
POLL_SECONDS = 0.25
LOAD_SECONDS = 3600.0
PROJECTING = ("nats", "projector", "postgres")
RATE_TARGET = Target(least=90)


class Rate(NamedTuple):
    """Events a second, by the time in which nothing was written any more, and what one of them cost from its writing on.

    The rate is one of two moments that lie a quarter of an hour apart, and moves with what else the machine does meanwhile. The CPU
    time does not.
    """

    written: float
    projected: float
    cpu_microseconds: Mapping[str, float]


async def load_tasks(report: Report, stack: Stack, tasks: int) -> None:
    """Write the tasks and have them projected: a part into the empty read model, most of them, and a part again."""
    await _keep_all(stack)
    await quiet(stack.up)
    probe = min(int(tasks * PROBE_SHARE), PROBE_TASKS_MAX)
    before = resident_by_process(stack.up.running)
    history = History(await owner_of(stack))
    empty = await write(report, stack, history, range(probe), tasks)
    report.say(f"scale: {empty.projected:,.0f} events/s into an empty read model")
    most = await write(report, stack, history, range(probe, tasks - probe), tasks)
    report.say(f"scale: {tasks - probe:,} tasks projected, {most.projected:,.0f} events/s")
    full = await write(report, stack, history, range(tasks - probe, tasks), tasks)
    share = full.projected / empty.projected * 100
    report.notes.append(_cpu_note(full.cpu_microseconds, empty.cpu_microseconds))
    report.figures.append(
        Figure(
            name=f"projected, with {tasks:,} tasks in the read model",
            measured=f"{full.projected:,.0f} events/s",
            yardstick=f"{share:.1f} % of the empty one, {empty.projected:,.0f} events/s",
            value=share,
            unit="%",
            target=RATE_TARGET,
            detail={"empty": empty._asdict(), "most": most._asdict(), "full": full._asdict()},
        )
    )
    await quiet_database(report, stack)
    after = resident_by_process(stack.up.running)
    nats = (after["nats"] - before["nats"]) / tasks * 100_000
    report.figures.append(
        Figure(
            name="memory of NATS, of 100,000 tasks in the log",
            measured=f"{nats / 1e6:,.0f} MB",
            yardstick=f"{EVENTS} events each; resident in all {after['nats'] / 1e6:,.0f} MB",
            detail={"before": before, "after": after},
        )
    )
    sizes = ", ".join(f"{name} {after[name] / 1e6:,.0f} ({before[name] / 1e6:,.0f})" for name in sorted(after))
    report.notes.append(f"resident MB with {tasks:,} tasks (before): {sizes}")


async def owner_of(stack: Stack) -> str:
    """The id of the administrator, who reads what is measured."""
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{stack.up.port}", headers=stack.up.signed) as client:
        return (await client.get("/api/v1/session")).raise_for_status().json()["user"]["id"]


async def quiet_database(report: Report, stack: Stack) -> None:
    """Do what autovacuum would do within the next minutes, and wait until nothing is busy."""
    import asyncpg

    began = time.monotonic()
    connection: Any = await asyncpg.connect(stack.up.running.database_url)
    await connection.execute("VACUUM (ANALYZE)", timeout=LOAD_SECONDS)
    await connection.close()
    report.say(f"scale: vacuumed in {time.monotonic() - began:.0f} s")
    await quiet(stack.up)


async def _keep_all(stack: Stack) -> None:
    """Remove nothing by age until that is measured."""
    await set_retention(stack, 0)


async def set_retention(stack: Stack, days: int) -> None:
    """Keep what has finished for so long."""
    async with httpx.AsyncClient(base_url=f"http://{HOST}:{stack.up.port}", headers=stack.up.signed) as client:
        etag = (await client.get("/api/v1/admin/settings")).raise_for_status().headers["ETag"]
        settings = {"retention": {"days": days}}
        answer = await client.put("/api/v1/admin/settings", json=settings, headers={"If-Match": etag})
        answer.raise_for_status()


async def write(report: Report, stack: Stack, history: History, numbers: range, count: int) -> Rate:
    """Append the events of some tasks, and wait until they are projected."""
    began, used = time.monotonic(), cpu_seconds(stack.up.running)
    async with open_log(as_user(stack.up, WORKER), "scale") as tasks, open_log(as_user(stack.up, API), "scale") as own:
        sent = 0
        for number in numbers:
            for message in history.events(number, count):
                sent += 1
                writer = own if message.subject.startswith("hr.batches.") else tasks
                if writer is own or sent % AWAITED_EVERY == 0:
                    await writer.appender.append(*message)
                else:
                    await writer.appender.append_nowait(*message)
        await tasks.appender.append(subjects.PROBE, b"", PROBE_HEADERS)
    written = sent / (time.monotonic() - began)
    report.say(f"scale: {sent:,} events written, {written:,.0f}/s")
    projected, after = await _projected(stack.log), cpu_seconds(stack.up.running)
    return Rate(written, projected, {name: (after[name] - used[name]) / sent * 1e6 for name in PROJECTING})


def _cpu_note(full: Mapping[str, float], empty: Mapping[str, float]) -> str:
    each = ", ".join(f"{name} {full[name]:.0f} ({empty[name]:.0f})" for name in full)
    ratio = sum(full.values()) / sum(empty.values())
    return f"CPU of an event written and projected, µs, with all tasks (empty): {each}; in all {ratio:.2f} x"


async def _projected(log: Log) -> float:
    """Wait until the projector has the whole log; returns its events a second meanwhile."""
    deadline = time.monotonic() + LOAD_SECONDS
    began, first = time.monotonic(), await _behind(log)
    at, behind = began, first
    while behind and time.monotonic() < deadline:
        await asyncio.sleep(POLL_SECONDS)
        at, behind = time.monotonic(), await _behind(log)
    return first / max(at - began, POLL_SECONDS)


async def _behind(log: Log) -> int:
    consumers = {each["name"]: each for each in await all_consumers(log)}
    projector = consumers[consumer_names.PROJECTOR]
    return projector["num_pending"] + projector["num_ack_pending"]
