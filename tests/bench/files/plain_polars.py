"""The yardstick of `table_profile`: a CSV file to Parquet, and what describes each column, by polars and nothing else."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import polars as pl
from polars import selectors

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FREQUENT = 10


def main(source: Path) -> None:
    """Print the seconds it took, and the bytes of memory it had at most, as JSON."""
    began = time.perf_counter()
    copy = source.with_suffix(".parquet")
    pl.scan_csv(source, try_parse_dates=True).sink_parquet(copy)
    columns = pl.scan_parquet(copy)
    numbers = selectors.numeric()
    columns.select(
        selectors.all().null_count().name.suffix(" missing"),
        selectors.all().approx_n_unique().name.suffix(" distinct"),
        selectors.all().min().name.suffix(" min"),
        selectors.all().max().name.suffix(" max"),
        numbers.mean().name.suffix(" mean"),
        numbers.std().name.suffix(" std"),
    ).collect(engine="streaming")
    for name, type_ in columns.collect_schema().items():
        column = pl.col(name)
        if type_.is_numeric():
            columns.select(column.quantile(each).alias(str(each)) for each in QUANTILES).collect(engine="streaming")
        frequent = columns.group_by(column).len().top_k(FREQUENT, by="len")
        frequent.collect(engine="streaming")
    took = time.perf_counter() - began
    copy.unlink()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": took, "peak_bytes": peak}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
