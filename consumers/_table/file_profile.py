"""Profile a file, whatever its format, and write its report and its copy."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import NamedTuple

from headrace.task import SyncContext, SyncOpenFile

from .cells import COLUMNS_MAX
from .column import Column
from .csv_copy import copy_csv
from .parquet_profile import ParquetTable

FILE_BYTES_MAX = 2 << 30
STEM_CHARS_MAX = 200  # of the name of the original; a suffix follows
OLE = b"\xd0\xcf\x11\xe0"  # of old Excel, and around what Office encrypts


class FileProfile(NamedTuple):
    """The profile of a file.

    Attributes:
        table: The table as Parquet.
        delimiter: That of a CSV; empty for other formats.
        columns: The profiles of its first columns.
        copy: Its copy as Parquet; None when it is Parquet itself.
    """

    table: ParquetTable
    delimiter: str
    columns: list[Column]
    copy: Path | None


def profile_file(file: SyncOpenFile, context: SyncContext) -> FileProfile:
    """Copy the table to Parquet, then profile the copy column by column.

    Raises:
        ValueError: The file is not a table, or too large. The message says why.
    """
    if file.size > FILE_BYTES_MAX:
        raise ValueError(f"The file has {file.size:,} bytes; at most {FILE_BYTES_MAX:,} are read.")
    context.progress(0, "reading the file")
    source, delimiter = file.path(), ""
    copy = source.with_name(f"{file.id}-copy.parquet")
    with source.open("rb") as opened:
        head = opened.read(4)
    if head == OLE:
        raise ValueError("The workbook is encrypted, or older than Excel 2007. Save it as XLSX without a password.")
    if head == b"PAR1":
        copy = None
    elif head.startswith(b"PK"):
        _copy_workbook(source, copy, context)
    else:
        delimiter = copy_csv(source, copy).delimiter
    table = ParquetTable(copy or source)
    columns: list[Column] = []
    wanted = min(len(table.names), COLUMNS_MAX)
    for number, column in enumerate(table.profile(COLUMNS_MAX), 1):
        columns.append(column)
        context.progress(0.5 + 0.45 * number / wanted, column.name)
        if context.cancelled:
            break
    return FileProfile(table, delimiter, columns, copy)


def stem_of(name: str) -> str:
    """Return what the files are called that are made of a table."""
    return PurePath(name).stem[:STEM_CHARS_MAX] or "table"


def _copy_workbook(source: Path, copy: Path, context: SyncContext) -> None:
    from .xlsx_rows import copy_xlsx

    def progress(rows: int) -> bool:
        context.progress(0.1, f"{rows:,} rows read")
        return not context.cancelled

    written = copy.with_suffix(".csv")
    copy_xlsx(source, written, progress)
    copy_csv(written, copy)
