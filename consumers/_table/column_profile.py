"""Compute the profile of one column from its cells."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import cast

import polars as pl

from consumers._table.column import Bin, Column, ColumnType, Quantiles, Value
from consumers._table.column_types import read_values

TEXT_SHOWN_MAX = 60  # code points of a name or a value; enough to recognise it
BINS = 10
EXACT_MAX = 2**53 - 1  # larger integers lose digits in a browser, so they are written as text


def profile_column(name: str, cells: pl.Series) -> Column:
    """Say what type a column has, what is missing, and how its values are spread."""
    type_, unsorted = read_values(cells)
    values = unsorted.sort()
    lowest, highest = _ends(type_, values)
    numbers = values.cast(float) if type_ in ("integer", "float") else None
    return Column(
        name=_shorten(name.strip()),
        type=type_,
        nulls=len(cells) - len(values),
        distinct=values.n_unique(),
        min=lowest,
        max=highest,
        mean=_finite(cast("float", values.cast(float).mean())) if type_ in ("boolean", "integer", "float") else None,
        quantiles=None if numbers is None else _quantiles(numbers),
        histogram=[] if numbers is None else _histogram(numbers),
    )


def _ends(type_: ColumnType, values: pl.Series) -> tuple[Value, Value]:
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
            low, high = map(_shorten, ends)
        case _:
            low, high = ends
    return low, high


def _quantiles(numbers: pl.Series) -> Quantiles:
    return Quantiles(*(_finite(numbers.quantile(at, "linear")) for at in (0.05, 0.25, 0.5, 0.75, 0.95)))


def _histogram(numbers: pl.Series) -> list[Bin]:
    """Count sorted numbers in `BINS` bins of one width; in fewer when floats leave no room between the ends."""
    low, high = float(numbers[0]), float(numbers[-1])
    between = (low * (1 - step / BINS) + high * (step / BINS) for step in range(1, BINS))
    edges = sorted({low, high, *(min(max(edge, low), high) for edge in between)})
    if low == high:
        return [Bin(low, high, len(numbers))]
    below = [*numbers.search_sorted(pl.Series(edges[:-1])), len(numbers)]
    return [
        Bin(lower, upper, after - before)
        for (lower, upper), (before, after) in zip(pairwise(edges), pairwise(below), strict=True)
    ]


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _shorten(text: str) -> str:
    return text if len(text) <= TEXT_SHOWN_MAX else text[: TEXT_SHOWN_MAX - 1] + "…"
