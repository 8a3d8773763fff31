"""Profile a Parquet file column by column, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import cast

import polars as pl

from .column import Bin, Column, ColumnType, Frequent, Period, Quantiles
from .column_profile import (
    edges_of,
    ends_of,
    finite,
    frequent_of,
    is_date,
    periods_of,
    profile_values,
    quantiles_of,
    shorten,
)

EXACT_ROWS_MAX = 1_000_000  # of which a column of long texts takes 100 MB
EXACT_DISTINCT_MAX = 10_000  # values, which are in memory while they are counted
SAMPLE_ROWS = 200_000  # for quantiles of larger tables; they are within 0.2 % of the rows


class ParquetTable:
    """A table on disk.

    Attributes:
        rows: How many rows it has.
        names: The names of its columns.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._table = pl.scan_parquet(path, glob=False)
            self._schema = self._table.collect_schema()
            self.rows = int(self._table.select(pl.len()).collect(engine="streaming").item())
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"The Parquet file is damaged: {str(error).partition(chr(10))[0][:300]}") from error
        self.names = self._schema.names()

    def profile(self, columns: int) -> Iterator[Column]:
        """Profile the first columns, one after the other."""
        for name in self.names[:columns]:
            yield self._profile(name, type_of(self._schema[name]))

    def _profile(self, name: str, type_: ColumnType) -> Column:
        column = self._table.select(_values(name, type_).alias("values"))
        if type_ == "other":
            nulls = int(column.select(pl.col("values").null_count()).collect(engine="streaming").item())
            return Column(name=shorten(name), type=type_, nulls=nulls, distinct=0)
        if self.rows <= EXACT_ROWS_MAX:
            return profile_values(name, type_, column.collect(engine="streaming")["values"].drop_nulls(), self.rows)
        return self._estimate(name, type_, column)

    def _estimate(self, name: str, type_: ColumnType, column: pl.LazyFrame) -> Column:
        values = pl.col("values")
        found = column.select(
            values.null_count().alias("nulls"),
            values.approx_n_unique().alias("distinct"),
            values.min().alias("low"),
            values.max().alias("high"),
            (values.cast(pl.Float64).mean() if type_ in ("integer", "float", "boolean") else pl.lit(None)).alias(
                "mean"
            ),
        ).collect(engine="streaming")
        ends = pl.concat([found["low"], found["high"].alias("low")]).drop_nulls()
        lowest, highest = ends_of(type_, ends)
        numbers = type_ in ("integer", "float") and not ends.is_empty()
        nulls = int(found["nulls"][0])
        distinct, frequent = _count_distinct(column, int(found["distinct"][0]), type_)
        return Column(
            name=shorten(name),
            type=type_,
            nulls=nulls,
            distinct=min(distinct, self.rows - nulls),
            min=lowest,
            max=highest,
            mean=finite(cast("float | None", found["mean"][0])),
            quantiles=self._quantiles(column) if numbers else None,
            histogram=_histogram(column, float(ends[0]), float(ends[1]), self.rows - nulls) if numbers else [],
            periods=_periods(column, ends, self.rows - nulls) if is_date(type_) and not ends.is_empty() else [],
            frequent=frequent,
            estimated=True,
        )

    def _quantiles(self, column: pl.LazyFrame) -> Quantiles:
        """Estimate quantiles from every so many-th row."""
        step = -(-self.rows // SAMPLE_ROWS)
        sample = column.with_row_index("row").filter(pl.col("row") % step == 0).select("values")
        return quantiles_of(sample.collect(engine="streaming")["values"].cast(pl.Float64).drop_nulls().sort())


def type_of(dtype: pl.DataType) -> ColumnType:
    """Return what a profile calls a type of polars."""
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "float"
    if isinstance(dtype, pl.Boolean):
        return "boolean"
    if isinstance(dtype, pl.Date):
        return "date"
    if isinstance(dtype, pl.Datetime):
        return "datetime"
    is_text = isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Time | pl.Duration | pl.Null)
    return "text" if is_text else "other"


def _values(name: str, type_: ColumnType) -> pl.Expr:
    """Return the values of a column; NaN and infinities are missing, as in a CSV."""
    column = pl.col(name)
    if type_ == "float":
        number = column.cast(pl.Float64)
        return pl.when(number.is_finite()).then(number)
    return column.cast(pl.String) if type_ == "text" else column


def _count_distinct(column: pl.LazyFrame, estimate: int, type_: ColumnType) -> tuple[int, list[Frequent]]:
    """Count few different values exactly, and say which are the most frequent; of many, return the estimate."""
    if estimate > EXACT_DISTINCT_MAX:
        return estimate, []
    counted = column.drop_nulls().group_by("values").agg(pl.len().alias("count")).collect(engine="streaming")
    return counted.height, frequent_of(counted) if type_ in ("boolean", "text") else []


def _periods(column: pl.LazyFrame, ends: pl.Series, count: int) -> list[Period]:
    low, high = ends.to_physical()
    numbers = column.select(pl.col("values").to_physical())
    return periods_of(_histogram(numbers, float(low), float(high), count), ends.dtype)


def _histogram(column: pl.LazyFrame, low: float, high: float, count: int) -> list[Bin]:
    if low == high:
        return [Bin(low, high, count)]
    edges = edges_of(low, high)
    number = pl.col("values").cast(pl.Float64)
    counted = [(number < edge).sum().alias(str(at)) for at, edge in enumerate(edges[1:-1])]
    below = [0, *(column.select(counted).collect(engine="streaming").row(0) if counted else ()), count]
    bins = zip(pairwise(edges), pairwise(below), strict=True)
    return [Bin(lower, upper, after - before) for (lower, upper), (before, after) in bins]
