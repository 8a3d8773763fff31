"""The only writer of the read model: the rows of a page and its checkpoint, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
from msgspec import Struct
from sqlalchemy import Table

from headrace.contracts.positions import Position
from headrace.store import tables
from headrace.store.activity_statements import ADD_ACTIVITY, FORGET_ACTIVITY, arrays_of, of_everybody
from headrace.store.file_projection import DELETE_FILES_OF_TASKS, write_files
from headrace.store.file_table import FileRow
from headrace.store.leadership import LeaderSession
from headrace.store.statements import column_arrays, insert_missing, load_by_id, upsert_newer
from headrace.store.storable import make_activity_storable, make_storable
from headrace.store.tables import ActivityRow, BatchRow, EventRow, ScheduleRow, TaskRow
from headrace.store.tally import REMOVED, Place, Removed, Tally, count_all, place_of

_LOAD_TASKS = load_by_id(tables.tasks)
_LOAD_BATCHES = load_by_id(tables.batches)
_LOAD_SCHEDULES = load_by_id(tables.schedules)
_UPSERT_TASKS = upsert_newer(tables.tasks)
_UPSERT_BATCHES = upsert_newer(tables.batches)
_UPSERT_SCHEDULES = upsert_newer(tables.schedules)
_INSERT_EVENTS = insert_missing(tables.task_events)
_WRITE_TASKS = f"{_UPSERT_TASKS} RETURNING id, xmax = 0 AS inserted"
_DELETE_TASKS = f"DELETE FROM tasks WHERE id = ANY($1::text[]) RETURNING {REMOVED}"  # noqa: S608 - names are ours
_DELETE_EVENTS = "DELETE FROM task_events WHERE task = ANY($1::text[])"
_DELETE_SCHEDULES = "DELETE FROM schedules WHERE id = ANY($1::text[])"
_READ_CHECKPOINT = "SELECT epoch, sequence FROM projection WHERE name = 'tasks'"
_WRITE_CHECKPOINT = """
    INSERT INTO projection AS p (name, epoch, sequence) VALUES ('tasks', $1, $2), ('groups', $1, $2)
    ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence
"""
# An older version does not count, or less than this one, and writes only the first of the two. `xmin` is the transaction that wrote a row.
_IS_COUNTED = """
    SELECT EXISTS (
        SELECT FROM projection t JOIN projection c ON (c.epoch, c.sequence, c.xmin::text) = (t.epoch, t.sequence, t.xmin::text)
        WHERE t.name = 'tasks' AND c.name = 'groups'
    )
"""


class Unstorable(Exception):
    """The log has a value that Postgres cannot hold: a number too large, JSON nested too deep."""


# Each is about a value of an event: it would come again, however often the event is written.
_OF_VALUES = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, asyncpg.ProgramLimitExceededError)


class FoldedPage(Struct, kw_only=True):
    """What a page of the log changes in the read model.

    Attributes:
        tasks: The rows of the tasks that the page changes, one for each task.
        places: Where the tasks that the page is about were counted before it, by id; those without a row are left out.
        events: The new entries of the timeline.
        batches: The rows of the batches that the page changes.
        schedules: The rows of the schedules that the page changes.
        deleted_tasks: The ids of the tasks that the page deletes. It may have made one of them anew since.
        deleted_schedules: The ids of the schedules that the page deletes.
        activity: What the page adds to the counts of minutes, one row for each owner, kind and minute.
        files: The rows of all files of each task of which the page changes the files, by the id of the task.
    """

    tasks: Collection[TaskRow] = ()
    places: Mapping[str, Place] = {}
    events: Collection[EventRow] = ()
    batches: Collection[BatchRow] = ()
    schedules: Collection[ScheduleRow] = ()
    deleted_tasks: Collection[str] = ()
    deleted_schedules: Collection[str] = ()
    activity: Collection[ActivityRow] = ()
    files: Mapping[str, Collection[FileRow]] = {}

    def make_storable(self) -> None:
        """Change in the rows what Postgres cannot hold."""
        for row in (*self.tasks, *self.events, *self.batches, *self.schedules):
            make_storable(row)
        for row in chain.from_iterable(self.files.values()):
            make_storable(row)
        for row in self.activity:
            make_activity_storable(row)


class Projection:
    """The read model, as the projector that leads reads and writes it."""

    def __init__(self, session: LeaderSession) -> None:
        self._session = session
        self._connection = session.connection
        self.hold_while = session.hold_while

    async def read_checkpoint(self) -> Position | None:
        """Return the position that the read model has reached; None before the first page."""
        found = await self._connection.fetchrow(_READ_CHECKPOINT)
        return Position(found["epoch"], found["sequence"]) if found else None

    async def write_checkpoint(self, checkpoint: Position) -> None:
        """Write the position that the read model has reached."""
        await self._connection.execute(_WRITE_CHECKPOINT, checkpoint.epoch, checkpoint.sequence)

    async def count_if_needed(self) -> bool:
        """Count all tasks, when nobody has done so before, or an older version, which does not count, has written meanwhile.

        Returns:
            Whether that was needed.
        """
        is_counted = await self._connection.fetchval(_IS_COUNTED)
        if not is_counted:
            await count_all(self._session)
        return not is_counted

    async def forget_activity(self) -> None:
        """Remove all counts of minutes and hours, before the log is projected from its beginning."""
        await self._connection.execute(FORGET_ACTIVITY)

    async def load_tasks(self, ids: Sequence[str]) -> dict[str, TaskRow]:
        """Load the rows of these tasks by id; those without a row are left out."""
        return {record["id"]: TaskRow(**record) for record in await self._load(_LOAD_TASKS, ids)}

    async def load_batches(self, ids: Sequence[str]) -> dict[str, BatchRow]:
        """Load the rows of these batches by id; those without a row are left out."""
        return {record["id"]: BatchRow(**record) for record in await self._load(_LOAD_BATCHES, ids)}

    async def load_schedules(self, ids: Sequence[str]) -> dict[str, ScheduleRow]:
        """Load the rows of these schedules by id; those without a row are left out."""
        return {record["id"]: ScheduleRow(**record) for record in await self._load(_LOAD_SCHEDULES, ids)}

    async def write_page(self, page: FoldedPage, checkpoint: Position) -> set[str]:
        """Write a page and its checkpoint, all or nothing. Rows never go back in position.

        Returns:
            The owners whose counts have changed.

        Raises:
            Unstorable: The page has a value that Postgres cannot hold. Nothing is written.
        """
        try:
            async with self._connection.transaction():
                tally = Tally()
                await self._write_tasks(page, tally)
                await self._write_rows(_INSERT_EVENTS, tables.task_events, page.events)
                await self._write_rows(_UPSERT_BATCHES, tables.batches, page.batches)
                await self._write_rows(_UPSERT_SCHEDULES, tables.schedules, page.schedules)
                if page.deleted_schedules:
                    await self._connection.execute(_DELETE_SCHEDULES, page.deleted_schedules)
                if page.activity:
                    rows = [*page.activity, *of_everybody(page.activity)]
                    await self._connection.execute(ADD_ACTIVITY, *arrays_of(rows))
                await self.write_checkpoint(checkpoint)
                return await tally.write(self._connection)
        except _OF_VALUES as error:
            raise Unstorable(str(error)) from error

    async def _write_tasks(self, page: FoldedPage, tally: Tally) -> None:
        """Delete and write the tasks of a page, and count what was really done: a replay changes no row that is newer."""
        if page.deleted_tasks:
            tally.remove_all(map(Removed._make, await self._connection.fetch(_DELETE_TASKS, page.deleted_tasks)))
            await self._connection.execute(_DELETE_EVENTS, page.deleted_tasks)
            await self._connection.execute(DELETE_FILES_OF_TASKS, page.deleted_tasks)
        if not page.tasks:
            return
        rows = {row.id: row for row in page.tasks}
        written: set[str] = set()
        for task, inserted in await self._connection.fetch(_WRITE_TASKS, *column_arrays(tables.tasks, page.tasks)):
            # The row of a task may have been removed since it was loaded, by age or by this page; then it is a new one.
            tally.move(None if inserted else page.places[task], place_of(rows[task]))
            written.add(task)
        await write_files(self._connection, {task: rows for task, rows in page.files.items() if task in written})

    async def _load(self, query: str, ids: Sequence[str]) -> list[Any]:
        """Load the rows with these ids.

        Raises:
            Unstorable: Postgres cannot hold one of the ids.
        """
        try:
            return await self._connection.fetch(query, ids) if ids else []
        except _OF_VALUES as error:
            raise Unstorable(str(error)) from error

    async def _write_rows(self, statement: str, table: Table, rows: Collection[Struct]) -> None:
        """Run a statement that takes an array for each column of the rows."""
        if rows:
            await self._connection.execute(statement, *column_arrays(table, rows))
