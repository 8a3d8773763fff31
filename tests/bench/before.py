"""The present version beside another checkout of it: both stand ready at the same time, and their rounds alternate.

Two runs of the bench one after the other differ by a sixth on a machine that others use as well, which hides what a change
costs. Rounds of some seconds that alternate have the same luck, and the ratio of each pair is what is judged.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.bench import side
from tests.bench.errors import BenchError
from tests.bench.report import Figure, Report, spread
from tests.bench.side import READY, TOKENS

CHECKOUT = Path(__file__).parents[2]
PARTS = ("noop", "task", "paced", *TOKENS)
NAMES = {
    "noop": "a no-op request",
    "task": "a task, with a key",
    "paced": "a task, a hundred a second",
    "many": "a task, 10,000 keys in turn",
    "token": "a task, with an access token",
}
PAIRS = 10
PAIRS_QUICK = 2
READY_SECONDS = 120.0
ROUND_SECONDS = 300.0

Used = dict[str, float]


class Pair(NamedTuple):
    """CPU microseconds by process: of the other checkout, and of this one."""

    before: Used
    after: Used


class Side:
    """A checkout that measures rounds."""

    def __init__(self, checkout: Path, process: Process) -> None:
        self.checkout = checkout
        self._process = process

    async def measure(self, part: str) -> Used:
        """Measure one round.

        Raises:
            BenchError: There is no answer.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(f"{part}\n".encode())
        return msgspec.json.decode(await self.read(ROUND_SECONDS), type=Used)

    async def read(self, seconds: float) -> bytes:
        """Read a line of what the side says.

        Raises:
            BenchError: There is none.
        """
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise BenchError(f"{self.checkout} did not answer within {seconds:.0f} s") from None
        if not line:
            raise BenchError(f"{self.checkout} gave up; what it said is above")
        return line


async def before(report: Report, other: Path, *, parts: frozenset[str], quick: bool) -> None:
    """Measure the given parts of both.

    Raises:
        BenchError: One of the two could not be measured.
    """
    async with AsyncExitStack() as stack:
        sides = [await stack.enter_async_context(_started(each, quick=quick)) for each in (other, CHECKOUT)]
        pairs: dict[str, list[Pair]] = {part: [] for part in PARTS if part in parts}
        for count in range(PAIRS_QUICK if quick else PAIRS):
            for part, measured in pairs.items():
                measured.append(await _pair(*sides, part, turned=bool(count % 2)))
                report.say(f"{NAMES[part]}, pair {count + 1}: {_ratio(measured[-1]):.2f} x")
    report.figures += [_figure(NAMES[part], measured) for part, measured in pairs.items()]
    report.notes += [_note(NAMES[part], measured) for part, measured in pairs.items()]


async def _pair(other: Side, own: Side, part: str, *, turned: bool) -> Pair:
    """Measure both, the other first or, turned, this one first."""
    # What the other may not have yet stands beside a task as it is there.
    base = "task" if part in TOKENS else part
    if turned:
        after = await own.measure(part)
        return Pair(await other.measure(base), after)
    used = await other.measure(base)
    return Pair(used, await own.measure(part))


@asynccontextmanager
async def _started(checkout: Path, *, quick: bool) -> AsyncIterator[Side]:
    """Run a side until the block ends.

    Raises:
        BenchError: It does not become ready.
    """
    python = checkout / ".venv" / "bin" / "python"
    if not python.exists():
        raise BenchError(f"{checkout} has no environment; run `uv sync` there first")
    argv = (str(python), "-P", side.__file__, *(["--quick"] if quick else []))
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=checkout, env=environment, stdin=PIPE, stdout=PIPE, stderr=sys.stderr
    )
    try:
        started = Side(checkout, process)
        async with asyncio.timeout(READY_SECONDS):
            while (await started.read(READY_SECONDS)).decode().strip() != READY:
                pass
        yield started
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def _total(used: Used) -> float:
    """What all processes take, without the client of the bench."""
    return sum(each for name, each in used.items() if name != "client")


def _ratio(pair: Pair) -> float:
    return _total(pair.after) / _total(pair.before)


def _figure(name: str, pairs: list[Pair]) -> Figure:
    ratios = [_ratio(pair) for pair in pairs]
    return Figure(
        name=f"CPU of {name}",
        measured=f"{spread(ratios, 'x', 2)}",
        yardstick=f"{spread([_total(pair.after) for pair in pairs])} µs beside {spread([_total(pair.before) for pair in pairs])} µs",
        value=statistics.median(ratios),
        unit="x",
        detail={"pairs": [pair._asdict() for pair in pairs]},
    )


def _note(name: str, pairs: list[Pair]) -> str:
    """Where the time went: medians of each process, after beside before."""
    names = sorted({each for pair in pairs for each in pair.after}, key=lambda each: -pairs[0].after.get(each, 0))
    text = ", ".join(
        f"{each} {_median(pairs, each, 1):.0f} / {_median(pairs, each, 0):.0f}" for each in names if each != "client"
    )
    return f"CPU µs of {name}, after / before: {text}"


def _median(pairs: list[Pair], process: str, which: int) -> float:
    return statistics.median(pair[which].get(process, 0) for pair in pairs)
