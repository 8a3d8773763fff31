"""Read a CSV text into columns of cells, each cell still text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import polars as pl

COLUMNS_MAX = 200  # at up to 1.5 KB of JSON each, so that a result stays below 512 KB
CELLS_AT_ONCE = 100_000  # as Python strings, about 10 MB, on the way to polars
DELIMITERS = ",;\t|"


class CsvTable(NamedTuple):
    """A table as text.

    Attributes:
        delimiter: The character that separates its columns.
        names: The names of all its columns.
        cells: The cells of the first `COLUMNS_MAX` columns.
    """

    delimiter: str
    names: list[str]
    cells: pl.DataFrame


def read_table(text: str) -> CsvTable:
    """Read a CSV text whose first line names the columns.

    Raises:
        ValueError: The text is not a table. The message says where and why.
    """
    text = text.removeprefix("\ufeff")
    delimiter = _find_delimiter(text)
    rows = _rows(text, delimiter)
    names = next(rows, None)
    if names is None:
        raise ValueError("The table is empty. Its first line must name the columns.")
    # The columns are numbered, because a name may occur twice.
    schema = {str(number): pl.String for number in range(len(names[:COLUMNS_MAX]))}
    parts = [pl.DataFrame(schema=schema)]
    while batch := list(islice(rows, max(1, CELLS_AT_ONCE // len(names)))):
        columns = list(zip(*batch, strict=True))[:COLUMNS_MAX]
        parts.append(pl.DataFrame(columns, schema=schema, orient="col"))
    return CsvTable(delimiter, names, pl.concat(parts))


def _find_delimiter(text: str) -> str:
    """Choose the delimiter that the first line has most of."""
    unquoted = re.sub(r'"[^"]*"', "quoted", text[:100_000])
    header = next((line for line in unquoted.splitlines() if line.strip(" ")), "")
    return max(DELIMITERS, key=header.count)


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Give the records that are not blank, the header first; all of them have the length of the header.

    Raises:
        ValueError: A record cannot be read or has another length. The message names its line.
    """
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
