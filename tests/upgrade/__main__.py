"""The command line: ``python -m tests.upgrade``."""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path

import click

from headrace.telemetry import set_up_logs
from tests.faults.run_setup import run_fault
from tests.faults.shared_postgres import open_shared_postgres, temporary_place
from tests.upgrade.rolling import upgrade
from tests.upgrade.summary import Summary, summarize, table
from tests.upgrade.versions import NoHistory, Version, extract, previous_commit

OUT = Path(__file__).with_name("out")
TASKS = 2000
SECONDS = 180.0
SHOWN_CHARS = 600


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--from", "commit", help="The version before, a commit or a tag.  [default: the newest release, or change]"
)
@click.option("--only", type=click.Choice(["upgrade", "rollback"]), help="Only one of the two runs.")
@click.option("--tasks", type=click.IntRange(1), default=TASKS, show_default=True, help="Tasks of each run, at least.")
@click.option("--seconds", type=float, default=SECONDS, show_default=True, help="How long the load takes at least.")
@click.option("--seed", type=int, help="Use this seed.  [default: a new one]")
def main(commit: str | None, only: str | None, tasks: int, seconds: float, seed: int | None) -> None:
    """Upgrade from a version before under load, and in a second run go back to it. See the package's docstring."""
    set_up_logs("upgrade", "critical")
    number = secrets.randbelow(1_000_000) if seed is None else seed
    with temporary_place() as place:
        try:
            before = extract(commit or previous_commit(), place)
        except NoHistory as error:
            sys.exit(f"there is no version before: {error}; use a whole clone, or another commit with --from")
        runs = [each == "rollback" for each in ("upgrade", "rollback") if only in (None, each)]
        summaries = asyncio.run(_run(before, runs, tasks, seconds, number))
    print(table(summaries))
    print(f"\nseed {number}; journals are in {OUT}")
    sys.exit(any(each.violations for each in summaries))


async def _run(before: Version, runs: list[bool], tasks: int, seconds: float, seed: int) -> list[Summary]:
    summaries: list[Summary] = []
    async with open_shared_postgres() as shared_postgres:
        for back in runs:
            verdict = await run_fault(
                upgrade(before, tasks, seconds, back=back), seed, tasks, shared_postgres, OUT, outage=0
            )
            summaries.append(summarize(verdict))
            for violation in verdict.violations:
                print(violation[:SHOWN_CHARS], flush=True)
    return summaries


if __name__ == "__main__":
    main()
