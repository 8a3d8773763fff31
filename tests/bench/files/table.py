"""A profile of a large table, beside polars alone: time, and the largest memory that the handler's process had."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import polars as pl
import psutil

from headrace.client import Client
from headrace.contracts.tasks import Task
from headrace.embedded.process import Process
from tests.bench.errors import BenchError
from tests.bench.report import Figure, Report, Target
from tests.bench.sizes import Sizes
from tests.bench.stack import Up

LOOK_SECONDS = 0.05
TASK_SECONDS = 1800.0
BLOCK_ROWS = 1_000_000
PLAIN = "tests.bench.files.plain_polars"


async def table(report: Report, up: Up, client: Client, place: Path, sizes: Sizes) -> None:
    """Profile a CSV file by a task, and by polars alone."""
    source = place / "table.csv"
    rows = await asyncio.to_thread(_write_csv, source, sizes.table_bytes)
    size = source.stat().st_size
    file = await client.files.upload(source)
    worker = psutil.Process(up.running.children["worker"].pid)
    task = await client.submit("table_profile", {"file": file.id})
    peak, done = await _watch(client, worker, task.id)
    plain = await _plain(source)
    source.unlink()
    seconds = done.run_seconds or 0.0
    report.say(f"a table of {size / 1e9:.1f} GB: {seconds:.1f} s, {peak / 1e6:,.0f} MB")
    what = f"table_profile of {size / 1e9:.1f} GB of CSV, {rows:,} rows"
    report.figures.append(
        Figure(
            name=f"{what}: time, against polars alone",
            measured=f"{seconds / plain['seconds']:.2f} x",
            yardstick=f"{seconds:.1f} s; polars alone {plain['seconds']:.1f} s",
            value=seconds / plain["seconds"],
            unit="x",
            target=Target(most=1.5),
            detail={"seconds": seconds, "polars": plain},
        )
    )
    report.figures.append(
        Figure(
            name=f"{what}: memory of the handler",
            measured=f"{peak / 1e6:,.0f} MB",
            yardstick=f"polars alone {plain['peak_bytes'] / 1e6:,.0f} MB",
            value=peak / 1e6,
            unit="MB",
            target=Target(most=600),
        )
    )


def _write_csv(path: Path, size: int) -> int:
    """Write a table with numbers, dates, texts and holes, of about this size; returns its rows."""
    rows, block = 0, 0
    with path.open("wb") as file:
        while file.tell() < size:
            frame = pl.DataFrame({"id": pl.int_range(rows, rows + BLOCK_ROWS, eager=True)}).select(
                pl.col("id"),
                (pl.col("id").hash(block) % 1_000_000 / 997).round(3).alias("amount"),
                (pl.col("id").hash(1) % 90).alias("age"),
                pl.from_epoch(1_600_000_000 + pl.col("id").hash(2) % 100_000_000).alias("at"),
                pl.concat_str(pl.lit("customer-"), pl.col("id").hash(3) % 250_000).alias("customer"),
                (pl.col("id").hash(4) % 7).cast(pl.String).alias("group"),
                pl.when(pl.col("id") % 11 == 0).then(None).otherwise(pl.col("id").hash(5) % 3 == 0).alias("paid"),
                pl.when(pl.col("id") % 5 == 0).then(None).otherwise(pl.lit("some words of a comment")).alias("note"),
            )
            frame.write_csv(file, include_header=block == 0)
            rows, block = rows + BLOCK_ROWS, block + 1
    return rows


async def _watch(client: Client, worker: psutil.Process, task: str) -> tuple[int, Task]:
    """Wait for a task, and return the largest resident memory of any process that the worker had for it."""
    peak = 0
    waiting = asyncio.create_task(client.result(task, timeout=TASK_SECONDS))
    while not waiting.done():
        for process in worker.children(recursive=True):
            try:
                peak = max(peak, process.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        await asyncio.sleep(LOOK_SECONDS)
    await waiting
    return peak, await client.get(task)


async def _plain(source: Path) -> dict[str, float]:
    lines = list[str]()
    process = await Process.start((sys.executable, "-m", PLAIN, str(source)), environ={}, on_line=lines.append)
    while process.running:
        await asyncio.sleep(LOOK_SECONDS)
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError) as error:
        raise BenchError(f"polars alone said {lines[-3:]}") from error
