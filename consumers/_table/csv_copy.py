"""Write a CSV file of any size as Parquet, in constant memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl

from .cells import CsvTable, read_table
from .column import ColumnType
from .column_types import MISSING, read_values

HEAD_BYTES = 512 << 10  # of the beginning, which decide what a column is
CUTS_MAX = 100  # ends of lines that are tried as the end of the beginning; a quoted value may have some
COLUMNS_READ_MAX = 2_000  # each takes a buffer of its own

Reading = Literal["native", "lenient", "text"]

_COLUMN = re.compile(r"column ['`\"]?c(\d+)")


class CsvCopy(NamedTuple):
    """What was copied: the delimiter of the CSV, and the type of each column."""

    delimiter: str
    types: list[ColumnType]


class _Plan(NamedTuple):
    type: ColumnType
    reading: Reading
    has_offset: bool


def copy_csv(source: Path, target: Path) -> CsvCopy:
    """Write a CSV file as Parquet.

    The beginning decides on the types. A column in which a later value does not fit becomes text, and the file is read again.

    Raises:
        ValueError: The file is not a table. The message says why.
    """
    head = _read_head(source)
    if len(head.names) > COLUMNS_READ_MAX:
        raise ValueError(f"The table has {len(head.names):,} columns; at most {COLUMNS_READ_MAX:,} are read.")
    plans = [_plan(cells) for cells in head.cells.iter_columns()]
    # Beyond the columns that are profiled, all is text.
    plans += [_Plan("text", "text", False)] * (len(head.names) - len(plans))
    names = unique_names(head.names)
    while True:
        try:
            _scan(source, head.delimiter, plans, names).sink_parquet(target, engine="streaming")
        except pl.exceptions.PolarsError as error:
            found = _COLUMN.search(str(error))
            number = int(found[1]) if found else len(plans)
            if number >= len(plans) or plans[number].reading == "text":
                raise ValueError(f"The table cannot be read: {_first_sentence(error)}") from error
            plans[number] = _more_lenient(plans[number])
        else:
            return CsvCopy(head.delimiter, [plan.type for plan in plans])


def unique_names(names: list[str]) -> list[str]:
    """Return names for columns, of which no two are the same and none is empty."""
    found: dict[str, None] = {}
    for number, name in enumerate(names, 1):
        wanted = unique = name.strip() or f"column_{number}"
        count = 1
        while unique in found:
            count += 1
            unique = f"{wanted}_{count}"
        found[unique] = None
    return list(found)


def _read_head(source: Path) -> CsvTable:
    """Read whole lines of the beginning."""
    with source.open("rb") as opened:
        raw = opened.read(HEAD_BYTES)
        is_cut = bool(opened.read(1))
    end = raw.rfind(b"\n") + 1 if is_cut else len(raw)
    if end == 0 and is_cut:
        raise ValueError(f"The first {HEAD_BYTES:,} bytes have no end of a line; this is not a CSV table.")
    for attempt in range(CUTS_MAX):
        try:
            return read_table(raw[:end].decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ValueError("The table is not in UTF-8. Save it as CSV in UTF-8.") from error
        except ValueError:
            # The cut may be inside of quotes, in a value of several lines.
            before = raw.rfind(b"\n", 0, end - 1) + 1
            if not is_cut or attempt == CUTS_MAX - 1 or before == 0:
                raise
            end = before
    raise AssertionError("the last attempt returns or raises")


def _plan(cells: pl.Series) -> _Plan:
    type_, values = read_values(cells)
    present = cells.filter(cells != "")
    is_clean = len(values) == len(present) and isinstance(values.dtype, pl.Int64 | pl.Float64)
    is_clean = is_clean and not present.str.contains(r"^[\s+]|\s$").any()
    if type_ == "text" or (type_ == "integer" and values.dtype != pl.Int64):
        return _Plan("text", "text", False)
    has_offset = isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone is not None
    return _Plan(type_, "native" if is_clean else "lenient", has_offset)


def _more_lenient(plan: _Plan) -> _Plan:
    return plan._replace(reading="lenient") if plan.reading == "native" else _Plan("text", "text", False)


def _scan(source: Path, delimiter: str, plans: list[_Plan], names: list[str]) -> pl.LazyFrame:
    natives: dict[ColumnType, pl.DataType] = {"integer": pl.Int64(), "float": pl.Float64()}
    numbered = [f"c{number}" for number in range(len(plans))]
    overrides = {
        name: natives[plan.type] for name, plan in zip(numbered, plans, strict=True) if plan.reading == "native"
    }
    cells = pl.scan_csv(
        source, separator=delimiter, new_columns=numbered, schema_overrides=overrides, infer_schema=False, glob=False
    )
    columns = (_values(f"c{number}", plan) for number, plan in enumerate(plans))
    return cells.select(column.alias(name) for column, name in zip(columns, names, strict=True))


def _values(name: str, plan: _Plan) -> pl.Expr:
    """Read the cells of a column as `read_values` would, or fail where one does not fit."""
    if plan.reading == "native":
        return pl.col(name)
    text = pl.col(name).str.strip_chars()
    if plan.reading == "text":
        return pl.when(text != "").then(text)
    words = pl.when((text != "") & ~text.str.to_lowercase().is_in(MISSING)).then(text)
    match plan.type:
        case "integer":
            return words.cast(pl.Int64)
        case "float":
            return words.cast(pl.Float64)
        case "boolean":
            digits = words.str.to_lowercase().str.replace("^true$", "1").str.replace("^false$", "0")
            return digits.cast(pl.Int8).cast(pl.Boolean)
        case "date":
            return words.str.to_date("%Y-%m-%d")
        case _:
            same = words.str.replace(" ", "T").str.replace(r"(T[0-9]{2}:[0-9]{2})(Z|[+-]|$)", "${1}:00${2}")
            return same.str.to_datetime(f"%Y-%m-%dT%H:%M:%S%.f{'%#z' if plan.has_offset else ''}")


def _first_sentence(error: BaseException) -> str:
    return str(error).partition("\n")[0].strip().rstrip(".")[:300] + "."
