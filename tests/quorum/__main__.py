"""The command line: ``python -m tests.quorum``."""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path

import click

from headrace.telemetry import set_up_logs
from tests.faults.run_setup import Verdict, run_fault
from tests.faults.shared_postgres import open_shared_postgres
from tests.quorum.faults import FAULTS
from tests.quorum.figures import ROUNDS, figures
from tests.quorum.network import why_not
from tests.quorum.outages import Outage, outage_in

OUT = Path(__file__).with_name("out")
TASKS = 1000
SHOWN_CHARS = 300
FIGURES = "figures"  # what `--only` calls them


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", type=int, default=None, help="Use this seed.  [default: a new one]")
@click.option("--only", multiple=True, metavar="NAME", help="Only this fault, or `figures`; may be repeated.")
@click.option("--tasks", type=click.IntRange(1), default=TASKS, show_default=True, help="Tasks of each run, at least.")
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=ROUNDS,
    show_default=True,
    help="Rounds of the figures, on each cluster.",
)
@click.option("--list", "listing", is_flag=True, help="Only tell what there is.")
def main(seed: int | None, only: tuple[str, ...], tasks: int, rounds: int, listing: bool) -> None:
    """Cut three NATS servers apart under load, and check that all promises hold. See the package's docstring."""
    if listing:
        for fault in FAULTS.values():
            print(f"{fault.name:<18} {fault.sentence}")
        print(f"{FIGURES:<18} what three copies cost beside one")
        return
    if unknown := set(only) - {*FAULTS, FIGURES}:
        raise click.BadParameter(f"no fault {', '.join(sorted(unknown))}; see --list")
    if reason := why_not():
        raise click.ClickException(f"three servers cannot have a network of their own here: {reason}")
    set_up_logs("quorum", "critical")
    chosen = [name for name in FAULTS if not only or name in only]
    found = _run_faults(chosen, seed, tasks) if chosen else []
    if not only or FIGURES in only:
        print(f"\n{asyncio.run(figures(OUT, rounds=rounds))}")
    sys.exit(any(verdict.violations for verdict, _ in found))


def _run_faults(names: list[str], seed: int | None, tasks: int) -> list[tuple[Verdict, Outage]]:
    number = secrets.randbelow(1_000_000) if seed is None else seed
    print(f"seed {number}; repeat with --seed {number}", flush=True)
    found = asyncio.run(_run(names, number, tasks))
    print(f"\n{table(found)}\n\njournals are in {OUT}")
    return found


async def _run(names: list[str], seed: int, tasks: int) -> list[tuple[Verdict, Outage]]:
    found: list[tuple[Verdict, Outage]] = []
    async with open_shared_postgres() as shared_postgres:
        for name in names:
            verdict = await run_fault(FAULTS[name], seed, tasks, shared_postgres, OUT)
            assert verdict.file is not None
            found.append((verdict, outage_in(verdict.file)))
            print(" ".join(cell for cell in _cells(*found[-1])), flush=True)
            for violation in verdict.violations:
                print(f"    {violation[:SHOWN_CHARS]}", flush=True)
    return found


HEAD = ("fault", "promises", "tasks", "refused", "nothing accepted", "at rest after", "what it is")


def table(found: list[tuple[Verdict, Outage]]) -> str:
    """A line for each fault."""
    rows: list[tuple[str, ...]] = [HEAD]
    rows += [(*_cells(*each), FAULTS[each[0].fault].sentence) for each in found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cells(verdict: Verdict, outage: Outage) -> tuple[str, ...]:
    return (
        verdict.fault,
        "VIOLATED" if verdict.violations else "hold",
        f"{verdict.tasks:,}",
        f"{outage.refused:,}",
        f"{outage.longest:.1f} s",
        f"{outage.rested:.1f} s",
    )


if __name__ == "__main__":
    main()
