"""Schedules: made, changed, deleted, fired by hand."""

from __future__ import annotations

from headrace.client.connection import Call, Connection, given, path
from headrace.contracts.schedules import Schedule, ScheduleDefinition, ScheduleList
from headrace.contracts.tasks import TaskSummary


class Schedules(Connection):
    """What a client does with schedules.

    Each method raises `ProblemError` when it is refused, as with `schedule_not_found`, and `httpx.TransportError` when there
    is no answer; what may be asked twice is asked again before.
    """

    async def schedules(self, at_least: str | None = None) -> list[Schedule]:
        """All schedules, the oldest first; with what is in the log up to a position, as of one just made."""
        call = Call(method="GET", path="/schedules", params=given(at_least=at_least))
        return (await self._ask(call, ScheduleList)).items

    async def get_schedule(self, schedule: str, at_least: str | None = None) -> Schedule:
        """One schedule, by its id; as above."""
        call = Call(method="GET", path=path("schedules", schedule), params=given(at_least=at_least))
        return await self._ask(call, Schedule)

    async def create_schedule(self, definition: ScheduleDefinition) -> Schedule:
        """Make a schedule. Without an answer it may have been made: look at `schedules` before doing it again."""
        return await self._ask(Call(method="POST", path="/schedules", body=definition), Schedule)

    async def update_schedule(self, schedule: str, definition: ScheduleDefinition) -> Schedule:
        """Replace the definition of a schedule."""
        call = Call(method="PUT", path=path("schedules", schedule), body=definition, repeatable=True)
        return await self._ask(call, Schedule)

    async def delete_schedule(self, schedule: str) -> None:
        """Delete a schedule; tasks that it has submitted are left alone."""
        await self._tell(Call(method="DELETE", path=path("schedules", schedule)))

    async def run_schedule(self, schedule: str) -> TaskSummary:
        """Submit a task as the schedule does, now; its next firing stays as it is."""
        return await self._ask(Call(method="POST", path=path("schedules", schedule, "runs")), TaskSummary)
