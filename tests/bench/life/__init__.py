"""A task's whole life: submitted once although sent twice, tried again, due later, one of very many, beside very many."""

from __future__ import annotations

from tests.bench.life.batch import batch
from tests.bench.life.drain import drain
from tests.bench.life.due import due
from tests.bench.life.fair import fair
from tests.bench.life.keyed import keyed
from tests.bench.life.retrying import retrying
from tests.bench.report import Report
from tests.bench.sizes import Sizes
from tests.bench.stack import bench_stack, temporary_home

PARTS = ("keyed", "retrying", "batch", "due", "fair", "drain")
MEASURES = {"keyed": keyed, "retrying": retrying, "batch": batch, "due": due, "fair": fair, "drain": drain}


async def life(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Measure the given parts, one after the other on one stack."""
    with temporary_home() as home:
        async with bench_stack(home) as stack:
            for part in PARTS:
                if part in parts:
                    await MEASURES[part](report, stack, sizes)
