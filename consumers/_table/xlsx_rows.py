"""Write the first sheet of an XLSX as CSV, row by row."""

from __future__ import annotations

import csv
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

STRINGS_BYTES_MAX = 256 << 20  # of the shared strings, unpacked, which are in memory
UNPACKED_BYTES_MAX = 20 << 30  # of the whole workbook; a sheet has a million rows at most
ROWS_BETWEEN = 10_000  # after which a cancellation is noticed


def copy_xlsx(source: Path, target: Path, progress: Callable[[int], bool]) -> None:
    """Write the first sheet of a workbook as CSV.

    Args:
        source: The workbook.
        target: The CSV.
        progress: Is told how many rows were read; returns whether to go on.

    Raises:
        ValueError: It is no XLSX, or unpacks to too much.
    """
    try:
        _check_size(source)
        with warnings.catch_warnings():
            # openpyxl warns of styles and validations that it does not know; only values matter here.
            warnings.simplefilter("ignore")
            _copy(source, target, progress)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, OSError, SyntaxError) as error:
        raise ValueError(f"The file is no XLSX workbook, or it is damaged: {error}") from error


def _check_size(source: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        unpacked = {each.filename: each.file_size for each in archive.infolist()}
    if unpacked.get("xl/sharedStrings.xml", 0) > STRINGS_BYTES_MAX or sum(unpacked.values()) > UNPACKED_BYTES_MAX:
        raise ValueError("The workbook unpacks to more than is read. Save its sheet as CSV.")


def _copy(source: Path, target: Path, progress: Callable[[int], bool]) -> None:
    book = load_workbook(source, read_only=True, data_only=True)
    try:
        sheet = book.worksheets[0]
        # What a sheet says of its size may be wrong.
        sheet.reset_dimensions()
        _write_csv(_rows(sheet.iter_rows(values_only=True)), target, progress)
    finally:
        book.close()


def _write_csv(rows: Iterator[list[str]], target: Path, progress: Callable[[int], bool]) -> None:
    with target.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        for number, row in enumerate(rows, 1):
            writer.writerow(row)
            if number % ROWS_BETWEEN == 0 and not progress(number):
                return


def _rows(sheet: Iterable[tuple[object, ...]]) -> Iterator[list[str]]:
    """Give the rows of a sheet; those with empty cells at their end have the width of the first."""
    width = 0
    for row in sheet:
        cells = [_write(value) for value in row]
        while cells and not cells[-1] and (not width or len(cells) > width):
            cells.pop()
        width = width or len(cells)
        yield cells + [""] * (width - len(cells))


def _write(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat() if value.time() != time() else value.date().isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case float() if value.is_integer() and abs(value) < 2**53:
            return str(int(value))
        case _:
            return str(value)
