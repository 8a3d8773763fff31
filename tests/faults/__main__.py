"""The command line: ``python -m tests.faults``."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from collections.abc import Awaitable
from pathlib import Path

import click

from headrace.telemetry import set_up_logs
from tests.faults.faults import FAULTS
from tests.faults.run_setup import Verdict, run_fault
from tests.faults.shared_postgres import open_shared_postgres

OUT = Path(__file__).with_name("out")
SEEDS = 5
TASKS = 2000
OUTAGE_SECONDS = 60.0
SHOWN_CHARS = 300


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--seed", "seeds", type=int, multiple=True, help="Use this seed; may be repeated.  [default: five new ones]"
)
@click.option("--only", multiple=True, metavar="NAME", help="Only this fault; may be repeated.")
@click.option("--tasks", type=click.IntRange(1), default=TASKS, show_default=True, help="Tasks of each run, at least.")
@click.option("--outage", type=float, default=OUTAGE_SECONDS, show_default=True, help="Seconds of a long outage.")
@click.option("--list", "listing", is_flag=True, help="Only tell what there is.")
def main(seeds: tuple[int, ...], only: tuple[str, ...], tasks: int, outage: float, listing: bool) -> None:
    """Let things go wrong under load, and check that all promises hold. See the package's docstring."""
    if listing:
        for fault in FAULTS.values():
            print(f"{fault.name:<24} {fault.sentence}")
        return
    if unknown := set(only) - FAULTS.keys():
        raise click.BadParameter(f"no fault {', '.join(sorted(unknown))}; see --list")
    set_up_logs("faults", "critical")
    chosen = [name for name in FAULTS if not only or name in only]
    numbers = seeds or tuple(secrets.randbelow(1_000_000) for _ in range(SEEDS))
    print(
        f"seeds {', '.join(map(str, numbers))}; repeat with {' '.join(f'--seed {seed}' for seed in numbers)}",
        flush=True,
    )
    try:
        verdicts = asyncio.run(_until_told(run(chosen, numbers, tasks, outage)))
    except asyncio.CancelledError:
        sys.exit(130)
    print(f"\n{table(verdicts)}\n\njournals are in {OUT}")
    sys.exit(any(verdict.violations for verdict in verdicts))


async def run(names: list[str], seeds: tuple[int, ...], tasks: int, outage: float) -> list[Verdict]:
    """Every fault with every seed."""
    verdicts: list[Verdict] = []
    async with open_shared_postgres() as shared_postgres:
        for seed in seeds:
            for name in names:
                verdict = await run_fault(FAULTS[name], seed, tasks, shared_postgres, OUT, outage)
                verdicts.append(verdict)
                print(line(verdict), flush=True)
                for violation in verdict.violations:
                    print(f"    {violation[:SHOWN_CHARS]}", flush=True)
    return verdicts


def line(verdict: Verdict) -> str:
    """A run in a line."""
    return f"{verdict.fault:<24} seed {verdict.seed:<7} {verdict.tasks:>6,} tasks {verdict.seconds:6.1f} s  {says(verdict)}"


def says(verdict: Verdict) -> str:
    """`ok`, or what is wrong."""
    if verdict.violations:
        broken = dict.fromkeys(violation.partition(":")[0] for violation in verdict.violations)
        return f"VIOLATED: {'; '.join(broken)}"
    if not verdict.tasks:
        return f"skipped: there is no {', '.join(verdict.skipped)} yet"
    return f"ok{', without ' + ', '.join(verdict.skipped) if verdict.skipped else ''}"


def table(verdicts: list[Verdict]) -> str:
    """Faults down, seeds across."""
    seeds = list(dict.fromkeys(verdict.seed for verdict in verdicts))
    of = {(verdict.fault, verdict.seed): verdict for verdict in verdicts}
    rows = [("fault", *(f"seed {seed}" for seed in seeds), "what it is")]
    for name in dict.fromkeys(verdict.fault for verdict in verdicts):
        cells = (_cell(of[name, seed]) for seed in seeds)
        rows.append((name, *cells, FAULTS[name].sentence))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(verdict: Verdict) -> str:
    if verdict.violations:
        return f"VIOLATED {verdict.seconds:.0f} s"
    return f"ok {verdict.seconds:.0f} s" if verdict.tasks else "skipped"


async def _until_told(running: Awaitable[list[Verdict]]) -> list[Verdict]:
    """Whatever signal ends us, what was started is stopped first."""
    task = asyncio.current_task()
    assert task is not None
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    return await running


if __name__ == "__main__":
    main()
