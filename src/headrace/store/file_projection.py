"""Writing the rows of the files that tasks have stored: the projector and its retention write them, and nobody else."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain
from typing import Any, Final

from headrace.store import file_table
from headrace.store.file_table import FileRow
from headrace.store.statements import column_arrays, upsert

DELETE_FILES_OF_TASKS: Final = "DELETE FROM files WHERE task = ANY($1::text[])"
_DELETE_OTHERS: Final = "DELETE FROM files WHERE task = ANY($1::text[]) AND id <> ALL($2::text[])"
# Whoever may write to the log may name any id there; it changes no file that was uploaded, or that another task has.
_UPSERT: Final = upsert(file_table.files, "t.task = excluded.task AND t.owner = excluded.owner")


async def write_files(connection: Any, files: Mapping[str, Collection[FileRow]]) -> None:
    """Write the rows of all files of some tasks; other rows of these tasks are removed.

    Args:
        connection: The session of the projector, in a transaction.
        files: The rows, by the id of their task.
    """
    if not files:
        return
    rows = {row.id: row for row in chain.from_iterable(files.values())}
    await connection.execute(_DELETE_OTHERS, list(files), list(rows))
    if rows:
        await connection.execute(_UPSERT, *column_arrays(file_table.files, rows.values()))
