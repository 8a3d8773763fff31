"""Tasks per second: as many as 32 connections bring in, and how soon they are done."""

from __future__ import annotations

import statistics
from typing import NamedTuple

import msgspec
from msgspec import Struct

from tests.bench.client.plans import Burst, BurstResult
from tests.bench.load import load
from tests.bench.processes import cpu_seconds, processes
from tests.bench.report import Figure, Report, Target, by_process, spread
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack
from tests.bench.syscalls import can_count, counted

BODY = '{"kind":"noop","input":{"text":"the quick brown fox jumps over the lazy dog"}}'
CLIENT = "client"  # the load client, which is no part of Headrace
ACCEPTED_TARGET = Target(least=45)
FINISHED_TARGET = Target(least=95)


class Round(NamedTuple):
    """Answers and finishes per second, and the CPU time that each process took for one of them."""

    answered: float
    finished: float
    cpu_microseconds: dict[str, float]


async def burst(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Accepted and finished beside the no-op route, in alternate rounds."""
    await warm_up(stack, sizes)
    pairs: list[tuple[Round, Round]] = []
    for count in range(1, sizes.rounds + 1):
        no_op, submitted = await no_op_round(stack, sizes.tasks), await submit_round(stack, sizes.tasks)
        pairs.append((no_op, submitted))
        report.say(
            f"burst {count} of {sizes.rounds}: no-op {no_op.answered:,.0f}/s, "
            f"accepted {submitted.answered:,.0f}/s, finished {submitted.finished:,.0f}/s"
        )
    no_ops, submits = zip(*pairs, strict=True)
    accepted_share = [submitted.answered / no_op.answered * 100 for no_op, submitted in pairs]
    finished_share = [submitted.finished / submitted.answered * 100 for submitted in submits]
    report.figures += [
        Figure(
            name="accepted, 32 connections",
            measured=spread([each.answered for each in submits], "/s"),
            yardstick=f"{spread(accepted_share, '%', 1)} of no-op POST, {spread([each.answered for each in no_ops], '/s')}",
            value=statistics.median(accepted_share),
            unit="%",
            target=ACCEPTED_TARGET,
            detail={"no_op": [each._asdict() for each in no_ops], "submit": [each._asdict() for each in submits]},
        ),
        Figure(
            name=f"finished, of the same {sizes.tasks:,}",
            measured=spread([each.finished for each in submits], "/s"),
            yardstick=f"{spread(finished_share, '%', 1)} of accepted",
            value=statistics.median(finished_share),
            unit="%",
            target=FINISHED_TARGET,
        ),
    ]
    report.figures.append(_cpu_figure(submits))
    report.notes += [_cpu_note("no-op request", no_ops), _cpu_note("task", submits)]
    await _count(report, stack, sizes.counted)


async def always(report: Report, stack: Stack, sizes: Sizes) -> None:
    """The same burst, the log flushed to the disk before each acknowledgement; one round, for orientation."""
    await warm_up(stack, sizes)
    no_op, submitted = await no_op_round(stack, sizes.tasks), await submit_round(stack, sizes.tasks)
    report.figures += [
        Figure(
            name="accepted, sync_interval always",
            measured=spread([submitted.answered], "/s"),
            yardstick=f"{submitted.answered / no_op.answered:.1%} of no-op POST, {no_op.answered:,.0f} /s",
            detail={"no_op": no_op._asdict(), "submit": submitted._asdict()},
        ),
        Figure(
            name="finished, sync_interval always",
            measured=spread([submitted.finished], "/s"),
            yardstick=f"{submitted.finished / submitted.answered:.1%} of accepted",
        ),
    ]


async def warm_up(stack: Stack, sizes: Sizes) -> None:
    """Some of both, so that every path was taken once before it is measured."""
    await no_op_round(stack, sizes.warm_up)
    await submit_round(stack, sizes.warm_up)


async def no_op_round(stack: Stack, requests: int) -> Round:
    """The yardstick: requests that have nothing done."""
    before = cpu_seconds(stack.up.running)
    result = await _load(stack, "/bench/noop", 201, requests)
    return Round(requests / result.seconds, 0, _cpu_each(stack, before, result, requests))


async def submit_round(stack: Stack, tasks: int, tokens: str | None = None) -> Round:
    """Submissions, until every task is in the read model; with the credentials of the file `tokens` in turn.

    The last finish has the time at which the log took it, the first submission the time just before it was sent; both are
    this machine's clock. It is read from the log afterwards, since a subscription would take part in the race.
    """
    start = await stack.drained()
    before = cpu_seconds(stack.up.running)
    result = await _load(stack, "/api/v1/tasks", 202, tasks, tokens)
    await stack.drained()
    cpu = _cpu_each(stack, before, result, tasks)
    finishes = await stack.finishes(start, "noop", [_accepted.decode(body).id for body in result.bodies])
    seconds = finishes[-1].at.timestamp() - result.began / 1e9
    return Round(tasks / result.seconds, tasks / seconds, cpu)


class _Accepted(Struct):
    id: str


_accepted = msgspec.json.Decoder(_Accepted)


async def _load(stack: Stack, path: str, status: int, requests: int, tokens: str | None = None) -> BurstResult:
    plan = Burst(port=stack.up.port, path=path, body=BODY, status=status, requests=requests, tokens=tokens)
    result = await load(plan)
    assert isinstance(result, BurstResult)
    return result


def _cpu_each(stack: Stack, before: dict[str, float], result: BurstResult, count: int) -> dict[str, float]:
    used = {name: seconds - before.get(name, 0) for name, seconds in cpu_seconds(stack.up.running).items()}
    used[CLIENT] = result.cpu_seconds
    return {name: round(seconds / count * 1e6, 1) for name, seconds in used.items()}


def _cpu_figure(rounds: tuple[Round, ...]) -> Figure:
    """All processes' CPU time for a task, without the load client's."""
    totals = [sum(used for name, used in each.cpu_microseconds.items() if name != CLIENT) for each in rounds]
    medians = {name: used for name, used in _cpu_medians(rounds).items() if name != CLIENT}
    return Figure(
        name="CPU of a task",
        measured=spread(totals, "µs"),
        yardstick=by_process(medians),
        value=statistics.median(totals),
        unit="µs",
        detail=medians,
    )


def _cpu_note(what: str, rounds: tuple[Round, ...]) -> str:
    shown = {name: used for name, used in _cpu_medians(rounds).items() if used >= 1}
    return f"CPU µs a {what}: {by_process(shown)}"


def _cpu_medians(rounds: tuple[Round, ...]) -> dict[str, float]:
    return {
        name: statistics.median(each.cpu_microseconds[name] for each in rounds) for name in rounds[0].cpu_microseconds
    }


async def _count(report: Report, stack: Stack, tasks: int) -> None:
    """Count the system calls of a task, in a burst of its own, since a counted call takes longer."""
    if reason := await can_count():
        report.notes.append(f"system calls were not counted: {reason}")
        return
    async with counted(processes(stack.up.running)) as counts:
        await submit_round(stack, tasks)
    calls = {name: round(count / tasks, 1) for name, count in counts.items()}
    report.figures.append(
        Figure(
            name="system calls of a task",
            measured=f"{sum(calls.values()):.1f}",
            yardstick=by_process(calls, 1),
            value=sum(calls.values()),
            detail=calls,
        )
    )
