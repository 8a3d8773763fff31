"""Make, change, list, delete and fire schedules."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

from headrace.client.connection import Call, Connection, path
from headrace.contracts.schedules import Schedule, ScheduleDefinition, ScheduleList, encode_definition
from headrace.contracts.tasks import TaskSummary


class Schedules(Connection):
    """The part of `Client` for schedules.

    Every method raises `ProblemError` when the API refuses, for example with `schedule_not_found`, and
    `httpx.TransportError` when the API does not answer.
    """

    async def schedules(self, at_least: str | None = None) -> list[Schedule]:
        """List all schedules, the oldest first, once the API's view reflects the position ``at_least``."""
        return (await self._read(ScheduleList, "schedules", at_least=at_least)).items

    async def get_schedule(self, schedule: str, at_least: str | None = None) -> Schedule:
        """Read one schedule by its id, once the API's view reflects the position ``at_least``."""
        return await self._read(Schedule, "schedules", schedule, at_least=at_least)

    async def create_schedule(self, definition: ScheduleDefinition) -> Schedule:
        """Make a schedule. After a `TransportError` it may exist: read `schedules` before you make it again."""
        return await self._ask(Call(method="POST", path="/schedules", body=_body(definition)), Schedule)

    async def update_schedule(self, schedule: str, definition: ScheduleDefinition) -> Schedule:
        """Replace the whole definition of a schedule, also what this version does not know of it; see `pause_schedule`."""
        call = Call(method="PUT", path=path("schedules", schedule), body=_body(definition), repeatable=True)
        return await self._ask(call, Schedule)

    async def pause_schedule(self, schedule: str) -> Schedule:
        """Submit nothing from now on, until the schedule is resumed."""
        return await self._set_paused(schedule, paused=True)

    async def resume_schedule(self, schedule: str) -> Schedule:
        """Submit again, from the next firing on."""
        return await self._set_paused(schedule, paused=False)

    async def delete_schedule(self, schedule: str) -> None:
        """Delete a schedule; tasks that it has submitted are not changed."""
        await self._ask_without_answer(Call(method="DELETE", path=path("schedules", schedule)))

    async def run_schedule(self, schedule: str) -> TaskSummary:
        """Submit a task now, as the schedule does; the next firing does not change."""
        return await self._ask(Call(method="POST", path=path("schedules", schedule, "runs")), TaskSummary)

    async def _set_paused(self, schedule: str, *, paused: bool) -> Schedule:
        # As JSON, so that fields of a later version go back as they came.
        found = await self._read(_Saved, "schedules", schedule)
        body = found.definition | {"paused": paused}
        call = Call(method="PUT", path=path("schedules", schedule), body=body, repeatable=True)
        return await self._ask(call, Schedule)


class _Saved(Struct):
    definition: dict[str, Any]


def _body(definition: ScheduleDefinition) -> Raw:
    """Return the body that has a definition. An API of an older version knows no labels."""
    return Raw(encode_definition(definition))
