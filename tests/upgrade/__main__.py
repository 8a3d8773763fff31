"""The command line: ``python -m tests.upgrade``."""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path

import click

from headrace.telemetry import set_up_logs
from tests.faults.run_setup import Fault, run_fault
from tests.faults.shared_postgres import open_shared_postgres, temporary_place
from tests.upgrade.next_version import make_next_version
from tests.upgrade.rolling import upgrade
from tests.upgrade.summary import Summary, summarize, table
from tests.upgrade.to_next import upgrade_to_next
from tests.upgrade.versions import NoHistory, extract, previous_commit

OUT = Path(__file__).with_name("out")
RUNS = ("upgrade", "rollback", "next")
TASKS = 2000
SECONDS = 300.0  # a machine that is busy with other things takes five minutes to replace each process twice
SHOWN_CHARS = 600


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--from", "commit", help="The version before, a commit or a tag.  [default: the newest release, or change]"
)
@click.option("--only", type=click.Choice(RUNS), help="Only one of the three runs.")
@click.option("--tasks", type=click.IntRange(1), default=TASKS, show_default=True, help="Tasks of each run, at least.")
@click.option(
    "--seconds", type=float, default=SECONDS, show_default=True, help="How long the load takes if nothing ends before."
)
@click.option("--seed", type=int, help="Use this seed.  [default: a new one]")
def main(commit: str | None, only: str | None, tasks: int, seconds: float, seed: int | None) -> None:
    """Upgrade from a version before under load; go back to it; and go on to a version to come, and back.

    See the package's docstring.
    """
    set_up_logs("upgrade", "critical")
    number = secrets.randbelow(1_000_000) if seed is None else seed
    with temporary_place() as place:
        try:
            faults = [_fault(each, place / each, commit, tasks, seconds) for each in RUNS if only in (None, each)]
        except NoHistory as error:
            sys.exit(f"there is no version before: {error}; use a whole clone, or another commit with --from")
        summaries = asyncio.run(_run(faults, tasks, number))
    print(table(summaries))
    print(f"\nseed {number}; journals are in {OUT}")
    sys.exit(any(each.violations for each in summaries))


def _fault(run: str, place: Path, commit: str | None, tasks: int, seconds: float) -> Fault:
    """Make the fault of a run, with the version that it needs in a directory of its own.

    Raises:
        NoHistory: There is no version before.
    """
    place.mkdir()
    if run == "next":
        return upgrade_to_next(make_next_version(place), tasks, seconds)
    return upgrade(extract(commit or previous_commit(), place), tasks, seconds, back=run == "rollback")


async def _run(faults: list[Fault], tasks: int, seed: int) -> list[Summary]:
    summaries: list[Summary] = []
    async with open_shared_postgres() as shared_postgres:
        for fault in faults:
            verdict = await run_fault(fault, seed, tasks, shared_postgres, OUT, outage=0)
            summaries.append(summarize(verdict))
            for violation in verdict.violations:
                print(violation[:SHOWN_CHARS], flush=True)
    return summaries


if __name__ == "__main__":
    main()
