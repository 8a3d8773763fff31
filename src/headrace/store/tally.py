"""Counting tasks: how many each owner has in each state, and how many failed alike, in each hour and in all.

The counts change in the transaction that changes the tasks, by the difference of what was there and what is there now. Only
`count_all` reads the tasks themselves. `EVERYBODY` stands for all owners together, so no query adds up those of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from headrace.contracts.tasks import State
from headrace.store.activity_statements import COUNT_ACTIVITY_OF_ALL
from headrace.store.failure_counts import COUNT_ALL_FAILURES, Alike, add_failures, columns_of, number_of
from headrace.store.leadership import LeaderSession
from headrace.store.tables import EVERYBODY

COUNT_ALL_SECONDS = 1800.0  # a hundred million tasks; no other statement of the projector may take as long
_FAILED = State.FAILED.value

_ADD_COUNTS = """
    WITH changed AS (
        INSERT INTO counts AS t (owner, kind, state, n) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[])
        ON CONFLICT (owner, kind, state) DO UPDATE SET n = t.n + excluded.n
        RETURNING owner, kind, state, n
    )
    SELECT owner, kind, state FROM changed WHERE n = 0
"""
_DROP_COUNTS = """
    DELETE FROM counts WHERE n = 0 AND (owner, kind, state) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
"""
# Whoever removes tasks meanwhile waits for this before it counts what it removed; readers go on with the counts of before.
_COUNT_ALL = f"""
    SELECT set_config('transaction_timeout', '0', true) WHERE current_setting('server_version_num')::int >= 170000;
    LOCK TABLE counts, failures, failure_groups, activity IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM counts;
    INSERT INTO counts (owner, kind, state, n) SELECT owner, kind, state, count(*) FROM tasks GROUP BY owner, kind, state;
    INSERT INTO counts (owner, kind, state, n) SELECT '{EVERYBODY}', kind, state, sum(n) FROM counts GROUP BY kind, state;
    {COUNT_ALL_FAILURES}
    {COUNT_ACTIVITY_OF_ALL}
"""  # noqa: S608 - the name is ours


Place = tuple[str, str, str, Alike | None]
"""Where a task is counted: its owner, kind and state, and for one that has failed what it has in common with others.

A plain tuple, because several are made for each task of a page.
"""


class Countable(Protocol):
    """A row of a task, or those columns of it that say where it is counted."""

    @property
    def owner(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def code(self) -> str | None: ...
    @property
    def fingerprint(self) -> str | None: ...
    @property
    def finished_at(self) -> datetime | None: ...


class Removed(NamedTuple):
    """What a statement that removes tasks returns of each, in this order."""

    owner: str
    kind: str
    state: str
    code: str | None
    fingerprint: str | None
    finished_at: datetime | None


REMOVED = ", ".join(f"tasks.{column}" for column in Removed._fields)


def place_of(row: Countable) -> Place:
    """Return where a task is counted."""
    if row.state == _FAILED and row.code is not None and row.fingerprint is not None and row.finished_at is not None:
        alike = Alike(row.code, row.fingerprint, number_of(row.finished_at))
        return row.owner, row.kind, row.state, alike
    return row.owner, row.kind, row.state, None


class Tally:
    """What a transaction changes in the counts."""

    def __init__(self) -> None:
        # Most tasks of a page move alike, so moves are counted first, and only then what they change.
        self._moves: defaultdict[tuple[Place | None, Place | None], int] = defaultdict(int)

    def move(self, before: Place | None, after: Place | None) -> None:
        """Count a task that was counted at one place at another one; None for a task that was not there or is no longer."""
        self._moves[before, after] += 1

    def remove_all(self, removed: Iterable[Removed]) -> None:
        """Count tasks no longer that were removed."""
        for row in removed:
            self.move(place_of(row), None)

    async def write(self, connection: Any) -> set[str]:
        """Write the changes, as the last thing of a transaction; returns the owners whose counts have changed.

        Two transactions change rows in the same order, and hold them until they end, which is now. So neither waits for the other
        for long, nor each for the other.
        """
        of_states, of_failures = self._changes()
        counts = _with_everybody(of_states)
        if counts:
            gone = await connection.fetch(_ADD_COUNTS, *columns_of((*key, n) for key, n in counts))
            if gone:
                await connection.execute(_DROP_COUNTS, *columns_of(gone))
        failures = _with_everybody(of_failures)
        if failures:
            await add_failures(connection, failures)
        return {key[0] for key, _ in counts} - {EVERYBODY}

    def _changes(self) -> tuple[dict[tuple[str, str, str], int], dict[tuple[str, str, Alike], int]]:
        """Return what the moves change in the counts of states, and in those of failures."""
        of_states: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        of_failures: defaultdict[tuple[str, str, Alike], int] = defaultdict(int)
        for (before, after), times in self._moves.items():
            for place, change in ((before, -times), (after, times)):
                if place is None or before == after:
                    continue
                owner, kind, state, alike = place
                of_states[owner, kind, state] += change
                if alike is not None:
                    of_failures[owner, kind, alike] += change
        return of_states, of_failures


async def count_all(session: LeaderSession) -> None:
    """Count all tasks of the read model, in one transaction. This reads every one of them."""
    async with session.connection.transaction():
        await session.connection.execute(_COUNT_ALL, timeout=COUNT_ALL_SECONDS)


def _with_everybody(changes: Mapping[tuple[str, str, Any], int]) -> list[tuple[tuple[str, str, Any], int]]:
    """Add the changes of everybody to those of each owner; returns them in the order of their keys, without those that are none."""
    total: defaultdict[tuple[str, str, Any], int] = defaultdict(int)
    for (owner, kind, what), n in changes.items():
        if n:
            total[owner, kind, what] = n
            total[EVERYBODY, kind, what] += n
    return sorted((key, n) for key, n in total.items() if n)
