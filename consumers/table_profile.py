"""What is in a table: the type of each column, what is missing, and how its values are spread."""

from __future__ import annotations

from typing import Annotated

import msgspec

from consumers._table.column import Column
from headrace.task import SyncContext, Title, task


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Types, missing values, ranges, quantiles and histograms of the columns of a CSV table.

    The first line names the columns. Commas, semicolons, tabs or | separate them, whichever the first line has most of.
    """

    csv: Annotated[str, msgspec.Meta(max_length=5_000_000)]
    name: Title = ""


class TableProfile(msgspec.Struct, frozen=True, kw_only=True):
    """``columns`` are in the order of the table, at most 200 of the ``columns_total``."""

    rows: int
    columns_total: int
    delimiter: str
    columns: list[Column]


@task(timeout=60)
def table_profile(input: Table, context: SyncContext) -> TableProfile:
    """Read the table, then go through it column by column."""
    # These modules import polars: 40 MB that an idle worker does without.
    from consumers._table.cells import read_table
    from consumers._table.column_profile import profile_column

    table = read_table(input.csv)
    columns: list[Column] = []
    for number, (name, cells) in enumerate(zip(table.names, table.cells.iter_columns(), strict=False), 1):
        columns.append(profile_column(name, cells))
        context.progress(number / table.cells.width, columns[-1].name)
    return TableProfile(
        rows=table.cells.height, columns_total=len(table.names), delimiter=table.delimiter, columns=columns
    )
