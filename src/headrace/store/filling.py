"""The statements that fill rows of an older version, see `headrace.projector.backfill`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from headrace.store.leadership import LeaderSession
from headrace.store.statements import array_literal
from headrace.store.tables import TO_FILL
from headrace.store.tally import Place, Tally, place_of

# Of inputs as they are stored, in what is read at once. A row is read when those before it have less.
INPUT_BYTES_MAX = 2 << 20

_LIST = f"""
    SELECT id, kind, owner, state, input::text, headers::text, error::text, code, fingerprint, finished_at FROM (
        SELECT *, sum(bytes) OVER (ORDER BY id) - bytes AS bytes_before FROM (
            SELECT *, pg_column_size(input) AS bytes FROM tasks WHERE ({TO_FILL}) AND id > $1 ORDER BY id LIMIT $2
        ) page
    ) measured
    WHERE bytes_before < {INPUT_BYTES_MAX} ORDER BY id
"""  # noqa: S608 - names are ours
_FILL = """
    UPDATE tasks SET title = f.title, labels = f.labels::text[], schedule = f.schedule, fingerprint = f.fingerprint
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS f(id, title, labels, schedule, fingerprint)
    WHERE tasks.id = f.id RETURNING tasks.id
"""


class ToFill(NamedTuple):
    """A row that an older version has written."""

    id: str
    kind: str
    owner: str
    state: str
    input: str
    headers: str
    error: str | None
    code: str | None
    fingerprint: str | None
    finished_at: datetime | None


class Filled(NamedTuple):
    """What a row is to have, and where its task was counted before and is counted then."""

    id: str
    title: str
    labels: list[str]
    schedule: str | None
    fingerprint: str | None
    before: Place
    after: Place


async def list_to_fill(session: LeaderSession, after: str, limit: int) -> list[ToFill]:
    """List rows to fill, by id and after an id; fewer than there are when their inputs are large."""
    return [ToFill(*record) for record in await session.connection.fetch(_LIST, after, limit)]


def filled(row: ToFill, title: str, labels: list[str], schedule: str | None, fingerprint: str | None) -> Filled:
    """Return what a row is to have."""
    after = place_of(row._replace(fingerprint=fingerprint))
    return Filled(row.id, title, labels, schedule, fingerprint, place_of(row), after)


async def fill(session: LeaderSession, rows: Collection[Filled]) -> None:
    """Fill rows, and count the failures that are now known to be alike. A row that was removed meanwhile is left out."""
    by_id = {row.id: row for row in rows}
    columns = zip(
        *((row.id, row.title, array_literal(row.labels), row.schedule, row.fingerprint) for row in rows), strict=True
    )
    async with session.connection.transaction():
        tally = Tally()
        for (task,) in await session.connection.fetch(_FILL, *columns):
            tally.move(by_id[task].before, by_id[task].after)
        await tally.write(session.connection)
