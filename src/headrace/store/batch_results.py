"""The query for the results of a batch."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Raw, Struct
from sqlalchemy import ARRAY, Text, any_, bindparam, select

from headrace.contracts.batch_results import BatchResult, ResultFile
from headrace.contracts.large_values import find_value
from headrace.contracts.tasks import FileRole, State, StoredFile, TaskError
from headrace.store import tables
from headrace.store.columns import Json
from headrace.store.reading import columns_of, fetch_rows
from headrace.store.snapshot import Reads


class _ResultRow(Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    title: str
    state: str
    attempt: int
    result: Json | None
    error: Json | None
    files: Json
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    wait_seconds: float | None
    run_seconds: float | None


_T = tables.tasks.c
_SELECT = select(*columns_of(tables.tasks, _ResultRow)).where(
    _T.id == any_(bindparam("ids", type_=ARRAY(Text))), _T.owner == bindparam("owner")
)
_decode_error = msgspec.json.Decoder(TaskError).decode
_decode_files = msgspec.json.Decoder(tuple[StoredFile, ...]).decode


async def read_results(session: Reads, owner: str, batch: str, first: int, count: int) -> list[BatchResult]:
    """Read what became of some tasks of a batch, in the order of their inputs; those that are gone are left out.

    Args:
        session: Reads the tasks.
        owner: Whose batch it is.
        batch: Its id.
        first: The index of the first task.
        count: How many tasks.
    """
    indexes = {f"{batch}-{index}": index for index in range(first, first + count)}
    rows = await fetch_rows(session, _ResultRow, _SELECT, {"ids": list(indexes), "owner": owner})
    return sorted((_to_result(row, indexes[row.id]) for row in rows), key=lambda each: each.index)


def _to_result(row: _ResultRow, index: int) -> BatchResult:
    files = _decode_files(row.files)
    stored = find_value(files, FileRole.RESULT)
    return BatchResult(
        index=index,
        task=row.id,
        kind=row.kind,
        title=row.title,
        state=State(row.state),
        attempt=row.attempt,
        result=Raw((row.result or "null").encode()),
        result_file=None if stored is None else stored.file,
        error=None if row.error is None else _decode_error(row.error),
        files=tuple(
            ResultFile(id=each.id, name=each.name, size=each.size, media_type=each.media_type)
            for each in files
            if each.role is None
        ),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        wait_seconds=row.wait_seconds,
        run_seconds=row.run_seconds,
    )
