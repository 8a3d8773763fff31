"""What is in a table: the type of each column, what is missing, and how its values are spread."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Annotated, Literal, cast

import msgspec

from headrace.task import SyncContext, task

if TYPE_CHECKING:
    import polars as pl  # 40 MB that an idle worker does without

Value = bool | int | float | str | None
ColumnType = Literal["integer", "float", "boolean", "date", "datetime", "text"]

COLUMNS_MAX = 200  # at up to 1.5 KB of JSON each, so that a result stays below 512 KB
TEXT_SHOWN_MAX = 60  # code points of a name or a value; enough to recognise it
BINS = 10
CELLS_AT_ONCE = 100_000  # as Python strings, about 10 MB, on the way to polars
DELIMITERS = ",;\t|"
EXACT_MAX = 2**53 - 1  # larger integers lose digits in a browser, so they are written as text

# Missing in a column of numbers or dates, but a word in a column of text: NA is also Namibia.
MISSING = ("na", "n/a", "nan", "null", "none", "inf", "+inf", "-inf", "infinity", "-infinity")

# A leading zero is part of a postcode or a telephone number, not of an integer.
INTEGER = r"^[+-]?(?:0|[1-9][0-9]*)$"
FLOAT = r"^[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
BOOLEAN = r"^(?i:true|false)$"
DATE = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}$"
DATETIME = r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?$"
DATETIME_OFFSET = DATETIME[:-1] + r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$"


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Types, missing values, ranges, quantiles and histograms of the columns of a CSV table.

    The first line names the columns. Commas, semicolons, tabs or | separate them, whichever the first line has most of.
    """

    csv: Annotated[str, msgspec.Meta(max_length=5_000_000)]


class Quantiles(msgspec.Struct, frozen=True):
    """Interpolated linearly between the nearest values (type 7 of Hyndman and Fan, 1996)."""

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


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column.

    ``nulls`` are empty cells, and in columns other than text also NA, NaN, null and the like. ``min`` and ``max`` of text
    are by code point, shortened; dates are in ISO 8601, with an offset in UTC; integers beyond 2^53 are text. ``mean`` is
    for numbers, and for booleans the share that is true. ``quantiles`` and ``histogram`` are for numbers. A number that is
    too large for a float is null.
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


class TableProfile(msgspec.Struct, frozen=True, kw_only=True):
    """``columns`` are in the order of the table, at most 200 of the ``columns_total``."""

    rows: int
    columns_total: int
    delimiter: str
    columns: list[Column]


@task(timeout=60)
def table_profile(input: Table, context: SyncContext) -> TableProfile:
    """Read the table, then go through it column by column."""
    text = input.csv.removeprefix("\ufeff")
    delimiter = _delimiter(text)
    names, cells = _read(text, delimiter)
    columns: list[Column] = []
    for number, (name, column) in enumerate(zip(names, cells.iter_columns(), strict=False), 1):
        columns.append(_profile(_shorten(name.strip()), column))
        context.progress(number / cells.width, columns[-1].name)
    return TableProfile(rows=cells.height, columns_total=len(names), delimiter=delimiter, columns=columns)


def _delimiter(text: str) -> str:
    unquoted = re.sub(r'"[^"]*"', "quoted", text[:100_000])
    header = next((line for line in unquoted.splitlines() if line.strip(" ")), "")
    return max(DELIMITERS, key=header.count)


def _read(text: str, delimiter: str) -> tuple[list[str], pl.DataFrame]:
    """The names of all columns, and the cells of the first `COLUMNS_MAX` of them as text.

    Raises:
        ValueError: the text is not a table; the message says where and why.
    """
    import polars as pl

    rows = _rows(text, delimiter)
    names = next(rows, None)
    if names is None:
        raise ValueError("The table is empty. Its first line must name the columns.")
    schema = {str(number): pl.String for number in range(len(names[:COLUMNS_MAX]))}  # a name may occur twice
    parts = [pl.DataFrame(schema=schema)]
    while batch := list(islice(rows, max(1, CELLS_AT_ONCE // len(names)))):
        columns = list(zip(*batch, strict=True))[:COLUMNS_MAX]
        parts.append(pl.DataFrame(columns, schema=schema, orient="col"))
    return names, pl.concat(parts)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """The records that are not blank, the header first, all of its length."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    width = 0
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise ValueError(f"Line {line} cannot be read: {error}. Is a quote missing, there or before?") from error
        if row is None:
            return
        if not row or (row == [""] and width != 1):
            continue
        width = width or len(row)
        if len(row) != width:
            raise ValueError(
                f"Line {line} does not fit the first line: columns {width}, values {len(row)}. "
                f"A value that contains {delimiter!r} must stand in double quotes."
            )
        yield row


def _profile(name: str, cells: pl.Series) -> Column:
    type_, unsorted = _typed(cells)
    values = unsorted.sort()
    lowest, highest = _ends(type_, values)
    numbers = values.cast(float) if type_ in ("integer", "float") else None
    return Column(
        name=name,
        type=type_,
        nulls=len(cells) - len(values),
        distinct=values.n_unique(),
        min=lowest,
        max=highest,
        mean=_finite(cast("float", values.cast(float).mean())) if type_ in ("boolean", "integer", "float") else None,
        quantiles=None if numbers is None else _quantiles(numbers),
        histogram=[] if numbers is None else _histogram(numbers),
    )


def _typed(cells: pl.Series) -> tuple[ColumnType, pl.Series]:
    """The first type that fits all values, and the values that are not missing; text if there are none."""
    import polars as pl

    text = cells.str.strip_chars()
    text = text.filter(text != "")
    words = text.filter(~text.str.to_lowercase().is_in(MISSING))
    readings: list[tuple[ColumnType, str, Callable[[], pl.Series]]] = [
        ("boolean", BOOLEAN, lambda: words.str.to_lowercase() == "true"),
        ("integer", INTEGER, lambda: words.cast(pl.Int64, strict=False)),
        ("integer", INTEGER, lambda: words.cast(pl.Int128, strict=False)),
        ("float", FLOAT, lambda: words.cast(pl.Float64, strict=False)),
        ("date", DATE, lambda: words.str.to_date("%Y-%m-%d", strict=False)),
        ("datetime", DATETIME, lambda: _moments(words, "")),
        ("datetime", DATETIME_OFFSET, lambda: _moments(words, "%#z")),
    ]
    for type_, pattern, read in readings:
        if not words.is_empty() and words.str.contains(pattern).all():
            values = read()
            if not values.has_nulls() and (type_ != "float" or values.is_finite().all()):
                return type_, values
    return "text", text


def _moments(words: pl.Series, offset: str) -> pl.Series:
    same = words.str.replace(" ", "T").str.replace(r"(T[0-9]{2}:[0-9]{2})(Z|[+-]|$)", "${1}:00${2}")
    return same.str.to_datetime(f"%Y-%m-%dT%H:%M:%S%.f{offset}", strict=False)


def _ends(type_: ColumnType, values: pl.Series) -> tuple[Value, Value]:
    """The lowest and the highest of sorted values, as JSON has them."""
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
    """Sorted numbers in `BINS` bins of one width; in fewer when floats leave no room between the ends."""
    import polars as pl

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
