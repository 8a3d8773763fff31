"""How long after it is due a task starts that was submitted for later: one at a time, and a hundred at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from headrace.log import subjects
from tests.bench.kinds.timed import Times
from tests.bench.life.calls import PATIENCE_SECONDS, Calls, calling
from tests.bench.report import Figure, Report, Target, percentile
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack

TASKS = 100
AHEAD = timedelta(seconds=4)  # all are accepted well before they are due
APART = timedelta(milliseconds=50)  # those that are due one at a time
AT_ONCE = timedelta(microseconds=200)  # those that are due within twenty milliseconds
ONE_TARGETS = {50: Target(most=50)}
MANY_TARGETS = {50: Target(most=100), 100: Target(most=500)}

_times = msgspec.json.Decoder(Times)


async def due(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Rounds of tasks that are due one after the other, and of as many that are due together."""
    one: list[float] = []
    many: list[float] = []
    async with calling(stack) as calls:
        for count in range(1, sizes.rounds + 1):
            one += await _late(stack, calls, APART)
            many += await _late(stack, calls, AT_ONCE)
            report.say(
                f"due {count} of {sizes.rounds}: p50 {percentile(one, 50):.1f} ms, at once {percentile(many, 50):.1f} ms"
            )
    report.figures += _figures("one at a time", one, ONE_TARGETS)
    report.figures += _figures(f"{TASKS} at once", many, MANY_TARGETS)


async def _late(stack: Stack, calls: Calls, apart: timedelta) -> list[float]:
    """How many milliseconds after it was due each task's handler began, by the one clock of this machine."""
    start = await stack.drained()
    finished = subjects.task_events(kind="timed", event="finished")
    before = await stack.log.replayer.count(finished)
    begin = datetime.fromtimestamp(time.time(), UTC) + AHEAD
    moments = [begin + number * apart for number in range(TASKS)]
    tasks = await asyncio.gather(*(calls.submit_for("timed", moment) for moment in moments))

    async def missing() -> str:
        ended = await stack.log.replayer.count(finished) - before
        return "" if ended >= TASKS else f"{ended} of {TASKS} tasks have finished"

    await stack.up.until(missing, PATIENCE_SECONDS)
    started = {
        finish.task: _times.decode(finish.result).started for finish in await stack.finishes(start, "timed", tasks)
    }
    return [started[task] / 1e6 - moment.timestamp() * 1e3 for task, moment in zip(tasks, moments, strict=True)]


def _figures(how: str, late: Sequence[float], targets: dict[int, Target]) -> list[Figure]:
    shown = {each: percentile(late, each) for each in (50, 90, 99, 100)}
    return [
        Figure(
            name=f"due to handler start, {how}, {'worst' if each == 100 else f'p{each}'}",
            measured=f"{shown[each]:.1f} ms",
            yardstick=f"{len(late):,} tasks, the first {min(late):.1f} ms after",
            value=shown[each],
            unit="ms",
            target=targets.get(each),
            detail={f"p{per_cent}": value for per_cent, value in shown.items()},
        )
        for each in (50, 100)
    ]
