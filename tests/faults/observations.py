"""What the checker looks at: the journal, the log and the tables, read once everything has come to rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import asyncpg
import msgspec
from msgspec import Struct

from headrace.log.connection import Log
from headrace.log.records import Record
from tests.cluster import Cluster
from tests.counted import compare_counts
from tests.faults.journal import Answered, AnyEntry, Scheduled
from tests.waiting import until

SAME_SECONDS_MAX = 30.0  # in which copies catch up once nothing is written any more

ONE = TypeVar("ONE", bound=AnyEntry)
TASKS = "hr.tasks."
BATCHES = "hr.batches."


class Logged(Struct, frozen=True):
    """A record of the log, read. ``of`` is the task or batch; ``withdrawn``: it is known only from its task's finish or deletion."""

    sequence: int
    of: str
    event: str
    kind: str
    at: datetime
    data: dict[str, Any]
    batch: str | None = None
    withdrawn: bool = False
    schedule: str | None = None


class Observations(Struct, frozen=True, dict=True):
    """All of it.

    Attributes:
        entries: The journal.
        epoch: The log's.
        records: The log, in order: tasks and batches.
        copies: How much of it each server has; empty where there is one copy.
        tasks: Rows of `tasks`.
        batches: Rows of `batches`.
        miscounted: Where the counts of tasks and failures are not what a GROUP BY gives.
        tables: Every row of every table of the read model as text, by table.
        timelines: The tasks that have a timeline in the read model.
        replayed: The same as ``tables`` of a database into which the whole log was projected anew; None when that was left out.
    """

    entries: list[AnyEntry]
    epoch: int
    records: list[Logged]
    copies: dict[str, dict[str, int]] = {}
    tasks: list[dict[str, Any]] = []
    batches: list[dict[str, Any]] = []
    miscounted: list[str] = []
    tables: dict[str, list[str]] = {}
    timelines: frozenset[str] = frozenset()
    replayed: dict[str, list[str]] | None = None

    def all(self, of: type[ONE]) -> list[ONE]:
        """The journal's entries of one sort."""
        return [entry for entry in self.entries if isinstance(entry, of)]

    @cached_property
    def histories(self) -> dict[str, list[Logged]]:
        """Each task's events in order, those that were withdrawn or erased in their places."""
        found: dict[str, dict[int, Logged]] = defaultdict(dict)
        for record in self.records:
            if record.kind:
                for each in (*_earlier(record), record):
                    # What is erased only by half is in the log and in the deletion.
                    if not each.withdrawn or each.sequence not in found[each.of]:
                        found[each.of][each.sequence] = each
        return {task: [events[sequence] for sequence in sorted(events)] for task, events in found.items()}

    @cached_property
    def deleted(self) -> dict[str, int]:
        """Where the log has the deletion of each task that was deleted."""
        return {record.of: record.sequence for record in self.records if record.kind and record.event == "deleted"}

    @cached_property
    def by_number(self) -> dict[int, list[str]]:
        """The tasks of each invocation."""
        found: dict[int, list[str]] = defaultdict(list)
        for task, history in self.histories.items():
            if (given := history[0].data.get("input")) is not None:
                number = given.get("number")
                found[self._number_of(task, history[0]) if number is None else number].append(task)
        return dict(found)

    def _number_of(self, task: str, first: Logged) -> int:
        """The invocation of a task whose input was erased: that of the answer which told of the task, or of what made it."""
        made_by = (task, first.batch, first.schedule)
        return next((self._told[each] for each in made_by if each in self._told), -1)

    @cached_property
    def _told(self) -> dict[str | None, int]:
        """The invocation of each task, batch and schedule that a client was told of."""
        answers = (each for each in self.all(Answered) if each.purpose in ("submit", "batch") and each.subject)
        scheduled = {each.schedule["id"]: each.number for each in self.all(Scheduled)}
        return {**{each.subject: each.number for each in answers}, **scheduled}

    @cached_property
    def withdrawn(self) -> set[int]:
        """Sequences that were in the log once."""
        return {record.sequence for history in self.histories.values() for record in history if record.withdrawn}


def _earlier(record: Logged) -> Iterator[Logged]:
    """What an event says of earlier ones, which have left the log."""
    if record.event == "finished" and record.data.get("withdrawn"):
        yield _withdrawn(record)
    for copy in record.data.get("erased", ()) if record.event == "deleted" else ():
        at, data = datetime.fromisoformat(copy["at"]), copy["event"]
        erased = msgspec.structs.replace(
            record, sequence=copy["sequence"], event=data["event"], at=at, data=data, withdrawn=True
        )
        yield erased
        yield from _earlier(erased)


def _withdrawn(finish: Logged) -> Logged:
    said = finish.data["withdrawn"]
    at = datetime.fromisoformat(said["at"])
    return msgspec.structs.replace(
        finish, sequence=said["sequence"], event="queued", at=at, data=said["queued"], withdrawn=True
    )


def read_record(record: Record) -> Logged | None:
    """A record as the checker wants it; None for what is neither about a task nor about a batch."""
    parts = record.subject.split(".")
    if record.subject.startswith(TASKS):
        event, kind, of = parts[2], parts[3], parts[6]
    elif record.subject.startswith(BATCHES):
        event, kind, of = parts[2], "", parts[4]
    else:
        return None
    data = msgspec.json.decode(record.payload)
    batch, schedule = record.headers.get("Headrace-Batch"), record.headers.get("Headrace-Schedule")
    return Logged(record.sequence, of, event, kind, record.at, data, batch, schedule=schedule)


class LogReader:
    """Reads the log as it grows, and knows which tasks have not ended."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._next = 1
        self.open: set[str] = set()
        self._ends: dict[str, int] = {}
        self.last_task_event = 0

    @property
    def last(self) -> int:
        """The last record that was read."""
        return self._next - 1

    async def ends_at(self, sequence: int) -> bool:
        """Whether the log has nothing after a sequence, as who leads it says. What was read may have been a timer that is purged."""
        return await self._log.replayer.leading.last("hr.>") <= sequence

    async def catch_up(self) -> bool:
        """Read what is new; whether there was any."""
        more, new = True, False
        while more:
            page, more = await self._log.replayer.page("hr.>", start=self._next)
            for record in page:
                new = True
                self._next = record.sequence + 1
                self._take(record)
        return new

    def _take(self, record: Record) -> None:
        if not record.subject.startswith(TASKS):
            return
        self.last_task_event = record.sequence
        _, _, event, _, _, _, task = record.subject.split(".")
        if event in ("queued", "deferred"):
            if task not in self._ends or msgspec.json.decode(record.payload)["fence"] == self._ends[task]:
                self.open.add(task)  # else it is of a run that is over, from a timer that was too late to be purged
        elif event == "finished":
            self._ends[task] = record.sequence
            self.open.discard(task)
        elif event == "deleted":
            self.open.discard(task)


async def read_log(log: Log) -> list[Logged]:
    """All of the log."""
    found: list[Logged] = []
    start, more = 1, True
    while more:
        page, more = await log.replayer.page("hr.>", start=start)
        for record in page:
            start = record.sequence + 1
            if (read := read_record(record)) is not None:
                found.append(read)
    return found


async def read_copies(cluster: Cluster) -> dict[str, dict[str, int]]:
    """How much of the log each server has, as soon as all have the same; empty where there is one copy.

    A client cannot ask for the records of one copy: any server that has one may answer.
    """
    found: dict[str, dict[str, int]] = {}

    async def are_same() -> bool:
        found.update(await cluster.copies())
        return all(each == next(iter(found.values())) for each in found.values())

    # The checker says it when they do not become the same.
    with suppress(AssertionError):
        await until(are_same, "the copies to be the same", SAME_SECONDS_MAX)
    return found


# Nothing makes these again: the accounts and what belongs to them, and the version of the schema.
NOT_OF_THE_LOG = frozenset(
    {
        "alembic_version",
        "users",
        "sessions",
        "refresh_tokens",
        "api_keys",
        "one_time_tokens",
        "audit",
        "run_time_settings",
    }
)

# Of a table that has more than the log tells, what is compared. A replay reads also the timers and probes that the log
# got since the live projection was looked at. They tell nothing, and it ends after them.
COMPARED = {"projection": "(t.name, t.epoch)"}


Columns = Mapping[str, Collection[str]]
"""The columns of each table."""


async def read_columns(url: str) -> Columns:
    """The columns of every table that is a function of the log."""
    connection = await asyncpg.connect(url)
    try:
        return await _columns(connection)
    finally:
        await connection.close()


async def read_tables(url: str, compared: Columns | None = None) -> dict[str, list[str]]:
    """Every row of every table that is a function of the log, as text.

    Args:
        url: The database.
        compared: The columns that rows are made of, where a newer version has added others; all columns when None. In place of
            one that the database does not have, its rows say so.
    """
    connection = await asyncpg.connect(url)
    try:
        there = await _columns(connection)
        found: dict[str, list[str]] = {}
        for name in there.keys() & (there if compared is None else compared).keys():
            row = COMPARED.get(name) or _row(there[name], there[name] if compared is None else compared[name])
            rows = await connection.fetch(f'SELECT {row}::text AS row FROM "{name}" AS t')
            found[name] = sorted(row["row"] for row in rows)
        return found
    finally:
        await connection.close()


async def _columns(connection: asyncpg.Connection) -> Columns:
    rows = await connection.fetch("""
        SELECT table_name AS name, array_agg(column_name::text ORDER BY column_name) AS columns
        FROM information_schema.tables JOIN information_schema.columns USING (table_schema, table_name)
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE' GROUP BY table_name
    """)
    return {row["name"]: row["columns"] for row in rows if row["name"] not in NOT_OF_THE_LOG}


def _row(there: Collection[str], wanted: Collection[str]) -> str:
    values = [f't."{each}"' if each in there else f"'there is no {each}'" for each in wanted]
    return f"ROW({', '.join(values)})"


async def read_miscounted(url: str) -> list[str]:
    """Where counts are not those of the tasks."""
    connection = await asyncpg.connect(url)
    try:
        return await compare_counts(connection)
    finally:
        await connection.close()


async def read_rows(url: str, table: str) -> list[dict[str, Any]]:
    """The rows of one table, JSON as text; none when there is no such table."""
    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass($1)", table) is None:
            return []
        return [dict(row) for row in await connection.fetch(f'SELECT * FROM "{table}"')]
    finally:
        await connection.close()


async def read_timelines(url: str) -> frozenset[str]:
    """The tasks that have a timeline."""
    connection = await asyncpg.connect(url)
    try:
        return frozenset(row["task"] for row in await connection.fetch("SELECT DISTINCT task FROM task_events"))
    finally:
        await connection.close()
