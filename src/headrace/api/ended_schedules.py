"""The end of all schedules of an account that is deleted."""

from __future__ import annotations

from contextlib import suppress

from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.schedules import ScheduleEventName
from headrace.errors import AppendRefused
from headrace.lifecycle.schedules import delete_schedule
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.prune import subjects_present
from headrace.store.schedules import list_ids


async def end_schedules(log: Log, database: IdentityDatabase, owner: str) -> None:
    """Delete the schedules of an owner: those in the log, and those that only the read model has since the log was lost.

    Raises:
        IdentityUnavailable: Postgres cannot be reached.
        LogFull: The log has no room.
        LogUnavailable: The log does not answer. Some of the schedules may be deleted.
    """
    saved = subjects.schedule_event(ScheduleEventName.SAVED, owner, "*")
    schedules = {subject.rpartition(".")[2] for subject in await subjects_present(log, saved)}
    async with database.transaction() as transaction:
        schedules.update(await list_ids(transaction, owner))
    for schedule in sorted(schedules):
        # Its owner may have deleted it before.
        with suppress(AppendRefused):
            await delete_schedule(log, owner, schedule)
