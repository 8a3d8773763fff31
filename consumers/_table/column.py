"""What a profile says about one column. This module does not import polars, so that describing a kind costs no memory."""

from __future__ import annotations

from typing import Literal

import msgspec

Value = bool | int | float | str | None
ColumnType = Literal["integer", "float", "boolean", "date", "datetime", "text", "other"]


class Quantiles(msgspec.Struct, frozen=True):
    """Quantiles, interpolated linearly between the nearest values (type 7 of Hyndman and Fan, 1996)."""

    p05: float | None
    p25: float | None
    p50: float | None
    p75: float | None
    p95: float | None


class Bin(msgspec.Struct, frozen=True):
    """How many values are at least ``lower`` and less than ``upper``; in the last bin, at most ``upper``."""

    lower: float
    upper: float
    count: int


class Period(msgspec.Struct, frozen=True):
    """How many dates are at least ``lower`` and before ``upper``; in the last period, at most ``upper``."""

    lower: str
    upper: str
    count: int


class Frequent(msgspec.Struct, frozen=True):
    """A value, shortened, and how often it occurs."""

    value: str
    count: int


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column.

    ``nulls`` are empty cells, and in columns other than text also NA, NaN, null and the like. ``min`` and ``max`` of text
    are by code point, shortened; dates are in ISO 8601, with an offset in UTC; integers beyond 2^53 are text. ``mean`` is
    for numbers, and for booleans the share that is true. ``quantiles`` and ``histogram`` are for numbers. A number that is
    too large for a float is null. ``periods`` are a histogram of dates. ``frequent`` are the most frequent values of texts and
    booleans, unless no value occurs twice or, of more than a million rows, there are too many different ones. Of lists, structures and bytes, which are ``other``, only what is missing is counted.
    ``estimated`` says that ``distinct`` and ``quantiles`` are estimates, as they are of more than a million rows.
    """

    name: str
    type: ColumnType
    nulls: int
    distinct: int
    min: Value = None
    max: Value = None
    mean: float | None = None
    quantiles: Quantiles | None = None
    histogram: list[Bin] = []
    periods: list[Period] = []
    frequent: list[Frequent] = []
    estimated: bool = False
