"""What is in a table: the type of each column, what is missing, and how its values are spread."""

from __future__ import annotations

from typing import Annotated

import msgspec

from headrace.task import File, SyncContext, Title, accepts, task

from ._table.column import Column


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Types, missing values, ranges, quantiles and histograms of the columns of a table.

    The table is a CSV text, or a file: CSV in UTF-8, Parquet, or the first sheet of an XLSX, up to 2 GB. The first line names
    the columns. Commas, semicolons, tabs or | separate them, whichever the first line has most of. Of a file there is also a
    report in HTML, the profile in JSON, and a copy in Parquet.
    """

    csv: Annotated[str, msgspec.Meta(max_length=5_000_000, description="A table as text.")] | None = None
    name: Title = ""
    file: (
        Annotated[
            File,
            accepts(
                "text/csv",
                "text/plain",
                "text/tab-separated-values",
                "application/vnd.apache.parquet",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "application/octet-stream",
            ),
            msgspec.Meta(description="A table as CSV, Parquet or XLSX."),
        ]
        | None
    ) = None

    def __post_init__(self) -> None:
        if (self.csv is None) == (self.file is None):
            raise ValueError("Give either `csv` or `file`, and not both.")


class TableProfile(msgspec.Struct, frozen=True, kw_only=True):
    """``columns`` are in the order of the table, at most 200 of the ``columns_total``.

    ``name`` is what the table is called, empty for a text without a name. ``delimiter`` is empty for Parquet and XLSX.
    ``report``, ``profile`` and ``parquet`` are files that were made of a file; there is no copy of what is Parquet already.
    """

    name: str = ""
    rows: int
    columns_total: int
    delimiter: str
    columns: list[Column]
    report: str | None = None
    profile: str | None = None
    parquet: str | None = None


@task(timeout=3600, max_attempts=3, retry_on=(), process=True)
def table_profile(input: Table, context: SyncContext) -> TableProfile:
    """Read the table, then go through it column by column."""
    return _profile_text(input.csv, input.name, context) if input.csv is not None else _profile_file(input, context)


def _profile_text(csv: str, name: str, context: SyncContext) -> TableProfile:
    # These modules import polars: 40 MB that an idle worker does without.
    from ._table.cells import read_table
    from ._table.column_profile import profile_column

    table = read_table(csv)
    columns: list[Column] = []
    for number, (column, cells) in enumerate(zip(table.names, table.cells.iter_columns(), strict=False), 1):
        columns.append(profile_column(column, cells))
        context.progress(number / table.cells.width, columns[-1].name)
    return TableProfile(
        name=name,
        rows=table.cells.height,
        columns_total=len(table.names),
        delimiter=table.delimiter,
        columns=columns,
    )


def _profile_file(input: Table, context: SyncContext) -> TableProfile:
    from ._table.file_profile import profile_file, stem_of
    from ._table.html_report import write_report

    file = context.open(input.file or "")
    found = profile_file(file, context)
    profile = TableProfile(
        name=input.name or file.name,
        rows=found.table.rows,
        columns_total=len(found.table.names),
        delimiter=found.delimiter,
        columns=found.columns,
    )
    stem = stem_of(file.name)
    report = write_report(profile.name, profile.rows, profile.columns_total, profile.columns)
    saved = [
        context.save(f"{stem}.html", report, "text/html; charset=utf-8").id,
        context.save("profile.json", msgspec.json.encode(profile), "application/json").id,
    ]
    parquet = None
    if found.copy is not None:
        parquet = context.save(f"{stem}.parquet", found.copy, "application/vnd.apache.parquet").id
    context.progress(1, "done")
    return msgspec.structs.replace(profile, report=saved[0], profile=saved[1], parquet=parquet)
