"""The command line: ``python -m tests.bench [SUITE]``."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import click
import httpx

from headrace.embedded.errors import EmbeddedError
from headrace.errors import HeadraceError
from headrace.telemetry import set_up_logs
from tests.bench.before import PARTS as BEFORE_PARTS
from tests.bench.before import before
from tests.bench.cores import PARTS as CORE_PARTS
from tests.bench.cores import cores
from tests.bench.errors import BenchError
from tests.bench.facts import facts
from tests.bench.files import PARTS as FILE_PARTS
from tests.bench.files import files
from tests.bench.keys import PARTS as KEY_PARTS
from tests.bench.keys import keys
from tests.bench.life import PARTS as LIFE_PARTS
from tests.bench.life import life
from tests.bench.live import PARTS as LIVE_PARTS
from tests.bench.live import live
from tests.bench.peers.queues.compare import PARTS as PEER_PARTS
from tests.bench.peers.queues.compare import peers
from tests.bench.report import Report
from tests.bench.scale import PARTS as SCALE_PARTS
from tests.bench.scale import scale
from tests.bench.screens import PARTS as SCREEN_PARTS
from tests.bench.screens import screens
from tests.bench.sizes import FULL, QUICK, Sizes
from tests.bench.spine import PARTS as SPINE_PARTS
from tests.bench.spine import spine
from tests.bench.web import PARTS as WEB_PARTS
from tests.bench.web import web


class Suite(NamedTuple):
    """Figures that are measured together, in named parts."""

    run: Callable[[Report, Sizes, frozenset[str]], Awaitable[None]]
    parts: tuple[str, ...]


SUITES = {
    "spine": Suite(spine, SPINE_PARTS),
    "life": Suite(life, LIFE_PARTS),
    "live": Suite(live, LIVE_PARTS),
    "keys": Suite(keys, KEY_PARTS),
    "scale": Suite(scale, SCALE_PARTS),
    "screens": Suite(screens, SCREEN_PARTS),
    "files": Suite(files, FILE_PARTS),
    "cores": Suite(cores, CORE_PARTS),
    "web": Suite(web, WEB_PARTS),
    "peers": Suite(peers, PEER_PARTS),
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("suite", type=click.Choice([*SUITES, "before"]), default="spine")
@click.option("--quick", is_flag=True, help="Small numbers, to see whether the bench itself works.")
@click.option("--only", multiple=True, metavar="PART", help="Measure this part; may be repeated.")
@click.option(
    "--tasks",
    type=click.IntRange(1_000),
    help="How many tasks `scale` and `screens` have; a million by default, and for `memory` two.",
)
@click.option("--rounds", type=click.IntRange(1), help="How many rounds `spine`, `cores` and `peers` measure.")
@click.option(
    "--checkout",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="What `before` stands beside.",
)
def main(
    suite: str, quick: bool, only: tuple[str, ...], tasks: int | None, rounds: int | None, checkout: Path | None
) -> None:
    """Measure Headrace on this machine. How to read it: see the package's docstring."""
    if (checkout is None) == (suite == "before"):
        raise click.UsageError("--checkout goes with the suite before, which needs it")
    chosen = _before(checkout, quick=quick) if checkout is not None else SUITES[suite]
    if unknown := set(only) - set(chosen.parts):
        raise click.BadParameter(f"no part {', '.join(sorted(unknown))}; there are {', '.join(chosen.parts)}")
    set_up_logs("bench", "warning")
    sizes = QUICK if quick else FULL
    if tasks is not None:
        sizes = sizes._replace(finished=tasks, logged=tasks)
    if rounds is not None:
        sizes = sizes._replace(rounds=rounds)
    report = Report(suite, facts(), {"quick": quick, "only": sorted(only), "tasks": tasks})
    try:
        asyncio.run(_until_told(chosen.run(report, sizes, frozenset(only or chosen.parts))))
    except (BenchError, EmbeddedError, HeadraceError, httpx.HTTPError, OSError) as error:
        sys.exit(f"could not be measured: {error}")
    except asyncio.CancelledError:
        sys.exit(130)
    print(f"\n{report.table()}\n\n{report.write().name} written")


def _before(checkout: Path, *, quick: bool) -> Suite:
    async def run(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
        await before(report, checkout, parts=parts, quick=quick)

    return Suite(run, BEFORE_PARTS)


async def _until_told(measuring: Awaitable[None]) -> None:
    """Whatever signal ends us, what was started is stopped first."""
    task = asyncio.current_task()
    assert task is not None
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(each, task.cancel)
    await measuring


if __name__ == "__main__":
    main()
