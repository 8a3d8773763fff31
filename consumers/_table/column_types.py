"""Find the type of a column, and read its cells as that type."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from .column import ColumnType

# Missing in a column of numbers or dates, but a word in a column of text: NA is also Namibia.
MISSING = ("na", "n/a", "nan", "null", "none", "inf", "+inf", "-inf", "infinity", "-infinity")

# A leading zero is part of a postcode or a telephone number, not of an integer.
INTEGER = r"^[+-]?(?:0|[1-9][0-9]*)$"
FLOAT = r"^[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
BOOLEAN = r"^(?i:true|false)$"
DATE = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}$"
DATETIME = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?$"
DATETIME_OFFSET = DATETIME[:-1] + r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$"


def read_values(cells: pl.Series) -> tuple[ColumnType, pl.Series]:
    """Give the first type that fits all cells, and the values that are not missing; text when no other type fits."""
    text = cells.str.strip_chars()
    text = text.filter(text != "")
    words = text.filter(~text.str.to_lowercase().is_in(MISSING))
    readings: list[tuple[ColumnType, str, Callable[[], pl.Series]]] = [
        ("boolean", BOOLEAN, lambda: words.str.to_lowercase() == "true"),
        ("integer", INTEGER, lambda: words.cast(pl.Int64, strict=False)),
        ("integer", INTEGER, lambda: words.cast(pl.Int128, strict=False)),
        ("float", FLOAT, lambda: words.cast(pl.Float64, strict=False)),
        ("date", DATE, lambda: words.str.to_date("%Y-%m-%d", strict=False)),
        ("datetime", DATETIME, lambda: _read_datetimes(words, "")),
        ("datetime", DATETIME_OFFSET, lambda: _read_datetimes(words, "%#z")),
    ]
    for type_, pattern, read in readings:
        if not words.is_empty() and words.str.contains(pattern).all():
            values = read()
            if not values.has_nulls() and (type_ != "float" or values.is_finite().all()):
                return type_, values
    return "text", text


def _read_datetimes(words: pl.Series, offset: str) -> pl.Series:
    same = words.str.replace(" ", "T").str.replace(r"(T[0-9]{2}:[0-9]{2})(Z|[+-]|$)", "${1}:00${2}")
    return same.str.to_datetime(f"%Y-%m-%dT%H:%M:%S%.f{offset}", strict=False)
