"""Compute the profile of one column from its cells."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import polars as pl

from .column import Bin, Column, ColumnType, Frequent, Period, Quantiles, Value
from .column_types import read_values

TEXT_SHOWN_MAX = 60  # code points of a name or a value; enough to recognise it
FREQUENT_MAX = 5  # values that are counted one by one
FREQUENT_CHARS_MAX = 40  # code points of each of them, so that 200 columns stay below 512 KB of JSON
BINS = 10
EXACT_MAX = 2**53 - 1  # larger integers lose digits in a browser, so they are written as text


def profile_column(name: str, cells: pl.Series) -> Column:
    """Say what type a column has, what is missing, and how its values are spread."""
    type_, values = read_values(cells)
    return profile_values(name, type_, values, len(cells))


def profile_values(name: str, type_: ColumnType, unsorted: pl.Series, cells: int) -> Column:
    """Say how the values of a column are spread, of which those that are missing were left out.

    Args:
        name: What the column is called.
        type_: Its type.
        unsorted: Its values.
        cells: How many there are with those that are missing.
    """
    values = unsorted.sort()
    lowest, highest = ends_of(type_, values)
    numbers = values.cast(float) if type_ in ("integer", "float") else None
    # Of a column in which no value occurs twice, such as one of names, none is counted.
    distinct = values.n_unique()
    is_counted = type_ in ("boolean", "text") and distinct < len(values)
    return Column(
        name=shorten(name.strip()),
        type=type_,
        nulls=cells - len(values),
        distinct=distinct,
        min=lowest,
        max=highest,
        mean=finite(cast("float", values.cast(float).mean())) if type_ in ("boolean", "integer", "float") else None,
        quantiles=None if numbers is None else quantiles_of(numbers),
        histogram=[] if numbers is None else histogram_of(numbers),
        periods=periods_of(histogram_of(values.to_physical().cast(float)), values.dtype) if is_date(type_) else [],
        frequent=frequent_of(values.value_counts(name="count")) if is_counted else [],
    )


def is_date(type_: ColumnType) -> bool:
    """Whether the values of a column are dates, with or without a time."""
    return type_ in ("date", "datetime")


def frequent_of(counted: pl.DataFrame) -> list[Frequent]:
    """Return the most frequent values, of values in the first column and how often each occurs in ``count``."""
    value = pl.nth(0)
    most = counted.lazy().filter(pl.col("count") > 1).sort(-pl.col("count").cast(pl.Int64), value).head(FREQUENT_MAX)
    return [Frequent(shorten(_say(value), FREQUENT_CHARS_MAX), count) for value, count in most.collect().iter_rows()]


def _say(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def periods_of(bins: list[Bin], dtype: pl.DataType) -> list[Period]:
    """Return bins of dates, which were counted as numbers. A date has no parts, so bins narrower than a day hold no other one."""
    if not bins:
        return []
    edges = [math.ceil(edge) for edge in (*(each.lower for each in bins), bins[-1].upper)]
    physical = pl.Int32 if dtype == pl.Date else pl.Int64
    dates = pl.Series(edges, dtype=physical).cast(dtype).dt.to_string("iso:strict")
    return [
        Period(dates[at], dates[at + 1], each.count)
        for at, each in enumerate(bins)
        if each.count or edges[at] < edges[at + 1]
    ]


def ends_of(type_: ColumnType, values: pl.Series) -> tuple[Value, Value]:
    """Give the lowest and the highest of sorted values, as JSON has them."""
    if values.is_empty():
        return None, None
    ends = values.gather([0, -1])
    match type_:
        case "date" | "datetime":
            low, high = ends.dt.to_string("iso:strict")
        case "integer":
            low, high = (value if abs(value) <= EXACT_MAX else str(value) for value in ends)
        case "text":
            low, high = map(shorten, ends)
        case _:
            low, high = ends
    return low, high


def quantiles_of(numbers: pl.Series) -> Quantiles:
    """Return the quantiles of numbers."""
    return Quantiles(*(finite(numbers.quantile(at, "linear")) for at in (0.05, 0.25, 0.5, 0.75, 0.95)))


def histogram_of(numbers: pl.Series) -> list[Bin]:
    """Count sorted numbers in `BINS` bins of one width; in fewer when floats leave no room between the ends."""
    if numbers.is_empty():
        return []
    low, high = float(numbers[0]), float(numbers[-1])
    if low == high:
        return [Bin(low, high, len(numbers))]
    edges = edges_of(low, high)
    below = [*numbers.search_sorted(pl.Series(edges[:-1])), len(numbers)]
    return [
        Bin(lower, upper, after - before)
        for (lower, upper), (before, after) in zip(pairwise(edges), pairwise(below), strict=True)
    ]


def edges_of(low: float, high: float) -> list[float]:
    """Return where bins begin and end."""
    between = (low * (1 - step / BINS) + high * (step / BINS) for step in range(1, BINS))
    return sorted({low, high, *(min(max(edge, low), high) for edge in between)})


def finite(number: float | None) -> float | None:
    """Return a number as JSON can have it: null when it is too large for a float."""
    return number if number is not None and math.isfinite(number) else None


def shorten(text: str, chars_max: int = TEXT_SHOWN_MAX) -> str:
    """Return enough of a text to recognise it."""
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"
