"""What the read model says of tasks whose events may leave the log early: how many have ended, and where their events stand.

Everything that is read here was committed together with the checkpoint, so what it names is projected.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from headrace.contracts.events import EventName
from headrace.log.subjects import TaskSubject
from headrace.store.tables import FINAL

CONNECT_TIMEOUT_SECONDS = 5.0
STATEMENT_TIMEOUT_SECONDS = 60.0  # the first count reads some millions of rows

SESSION_SETTINGS = {"application_name": "headrace-trimming", "jit": "off", "plan_cache_mode": "force_custom_plan"}

# Of a read model that is being made anew, what stands behind the checkpoint is still to be read from the log.
_PROJECTED = "(SELECT p.sequence FROM projection p WHERE p.name = 'tasks' AND p.epoch = $1)"
_ENDS = f"FROM task_events WHERE epoch = $1 AND event = '{EventName.FINISHED}' AND sequence > $2"
_COUNT = f"SELECT count(*), max(sequence) {_ENDS} AND sequence <= {_PROJECTED}"
_CUT = f"SELECT sequence {_ENDS} ORDER BY sequence OFFSET $3 LIMIT 1"
_OLD_ENOUGH = f"SELECT max(sequence) {_ENDS} AND sequence <= $3 AND at <= $4"
_ENDED = f"SELECT task, sequence {_ENDS} AND sequence <= $3 ORDER BY sequence LIMIT $4"
# A task that was run again since goes with its last end. One that is deleted has no row, and its events are erased already.
# What came too late stands behind the end of its task: it goes as well, since without that end it would look like another run.
_EVENTS = f"""
    SELECT e.sequence, e.event = '{EventName.FINISHED}' AS is_end, t.kind, t.priority, t.owner, t.id
    FROM tasks t JOIN task_events e ON e.task = t.id AND e.epoch = t.epoch
    WHERE t.id = ANY($1::text[]) AND t.epoch = $2 AND {FINAL}
      AND NOT EXISTS (
          SELECT FROM task_events l
          WHERE l.task = t.id AND l.epoch = t.epoch AND l.event = '{EventName.FINISHED}' AND l.sequence > $3
      )
    ORDER BY e.sequence
"""  # noqa: S608 - names are ours


class Ends(NamedTuple):
    """How many ends of tasks there are, and where the last of them stands; 0 when there are none."""

    number: int
    last: int


class EndedTasks(NamedTuple):
    """Tasks that have ended, in the order of their ends.

    Attributes:
        number: How many ends these are.
        last: Where the last of them stands.
        events: Where their events stand, without the ends.
        ends: Where their ends stand.
        tasks: The subjects of the tasks, without the name of an event.
    """

    number: int
    last: int
    events: list[int]
    ends: list[int]
    tasks: list[TaskSubject]


class TrimmingSession:
    """A session in Postgres of its own, so that the projector's is not kept waiting."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @classmethod
    async def connect(cls, url: str) -> TrimmingSession:
        """Open a session.

        Raises:
            OSError: Postgres cannot be reached.
            asyncpg.PostgresError: Postgres refuses.
        """
        return cls(
            await cast("Any", asyncpg).connect(
                url,
                timeout=CONNECT_TIMEOUT_SECONDS,
                command_timeout=STATEMENT_TIMEOUT_SECONDS,
                server_settings=SESSION_SETTINGS,
            )
        )

    def close(self) -> None:
        """Drop the connection; does not wait for a Postgres that may not answer."""
        self._connection.terminate()

    async def count_ends(self, epoch: int, after: int) -> Ends:
        """Count the ends of tasks behind a sequence, up to the checkpoint."""
        count, last = await self._connection.fetchrow(_COUNT, epoch, after)
        return Ends(count, last or 0)

    async def find_cut(self, epoch: int, after: int, ends: int, before: datetime) -> int:
        """Return where the last of so many ends behind a sequence stands, or an earlier one, which came before a time; 0 for none."""
        last = await self._connection.fetchval(_CUT, epoch, after, ends - 1)
        if last is None:
            return 0
        return await self._connection.fetchval(_OLD_ENOUGH, epoch, after, last, before) or 0

    async def list_ended(self, epoch: int, after: int, through: int, limit: int) -> EndedTasks:
        """List the tasks that ended behind one sequence and up to another, and not later again; the oldest ``limit`` ends."""
        ended: Sequence[Any] = await self._connection.fetch(_ENDED, epoch, after, through, limit)
        if not ended:
            return EndedTasks(0, through, [], [], [])
        found = await self._connection.fetch(_EVENTS, [task for task, _ in ended], epoch, through)
        events = [each["sequence"] for each in found if not each["is_end"]]
        ends = [each["sequence"] for each in found if each["is_end"]]
        tasks = {TaskSubject("", each["kind"], each["priority"], each["owner"], each["id"]) for each in found}
        return EndedTasks(len(ended), ended[-1][1], events, ends, list(tasks))
