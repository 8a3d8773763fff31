"""Schedules that fire while a load runs, and what has to come of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from headrace.contracts.schedules import Schedule, ScheduleDefinition
from headrace.cron import following
from headrace.lifecycle.schedules import occurrence_task_id
from tests.accounts import SIGNED
from tests.faults.features import API
from tests.faults.journal import Did, GaveUp, Journal, Planned, Scheduled
from tests.faults.observations import Observations

PATIENCE_SECONDS = 60.0
AGAIN_SECONDS = 0.3
FIRST_NUMBER = 1_000_000  # of the invocation that stands for a schedule's tasks; far from those of the load
# A firing is in flight for this long, when its reader is killed and another one is given it after the consumer's ack_wait.
IN_FLIGHT = timedelta(seconds=7)
# Around an outage of the broker an occurrence is missed, or a moment late and made up for.
OUTAGE_MARGIN = timedelta(seconds=7)
OUTAGE_BEGINS = ("TERM nats", "kill -9 nats", "the disk of nats is full", "nobody leads the log")
OUTAGE_ENDS = "nats works again"
TIMES: tuple[dict[str, Any], ...] = (
    {"every": 1},
    {"every": 3, "missed": "catch_up_once"},
    {"cron": "*/2 * * * * *", "time_zone": "Australia/Lord_Howe"},
)


class Schedules:
    """The schedules of a run.

    Args:
        urls: Where the APIs are.
        journal: Where it is noted what was made, and until when it fires.
    """

    def __init__(self, urls: list[str], journal: Journal) -> None:
        self._urls = urls
        self._journal = journal
        self._http = httpx.AsyncClient(timeout=15.0, trust_env=False, headers=SIGNED)
        self._made: dict[int, dict[str, Any]] = {}

    async def make(self) -> None:
        """Make them, before anything goes wrong."""
        for number, times in enumerate(TIMES, FIRST_NUMBER):
            self._journal.note(Planned(number=number, kind="instant", expect=["succeeded"], schedule=True))
            definition = {"kind": "instant", "input": {"number": number}, **times}
            self._made[number] = await self._ask(number, "POST", "", definition)

    async def pause(self) -> None:
        """Pause them, so that everything can come to rest, and note what was to fire."""
        for number, made in self._made.items():
            asked = datetime.now(UTC)
            paused = await self._ask(number, "PUT", f"/{made['id']}", {**made["definition"], "paused": True})
            if paused:
                self._journal.note(
                    Scheduled(
                        number=number, schedule=made, asked=asked.isoformat(), paused=datetime.now(UTC).isoformat()
                    )
                )
        await self._http.aclose()

    async def _ask(self, number: int, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for url in self._urls:
                try:
                    answer = await self._http.request(method, f"{url}{API}/schedules{path}", json=body)
                except httpx.TransportError:
                    continue
                if answer.is_success:
                    return answer.json()
            await asyncio.sleep(AGAIN_SECONDS)
        self._journal.note(GaveUp(number=number, purpose=f"{method} schedule"))
        return {}


def find_violations(seen: Observations) -> Iterator[str]:
    """Each occurrence has one task, and no other task is there; an occurrence while the broker was away may have none."""
    outages = list(_outages(seen))
    for scheduled in seen.all(Scheduled):
        schedule = msgspec.convert(scheduled.schedule, Schedule)
        asked, paused = datetime.fromisoformat(scheduled.asked), datetime.fromisoformat(scheduled.paused)
        of_id = {occurrence_task_id(schedule.id, at): at for at in _occurrences(schedule, paused)}
        tasks = {task for task, history in seen.histories.items() if history[0].schedule == schedule.id}
        for task in sorted(tasks - of_id.keys()):
            yield f"{_times(schedule.definition)} has {task}, which is of none of its occurrences"
        for task, at in of_id.items():
            is_excused = at > asked - IN_FLIGHT or any(begun <= at <= over for begun, over in outages)
            if task not in tasks and not is_excused:
                yield f"{_times(schedule.definition)} has no task for {at.isoformat()}"


def _occurrences(schedule: Schedule, until: datetime) -> Iterator[datetime]:
    at = schedule.next_at
    while at is not None and at <= until:
        yield at
        at = following(schedule.definition, at, at)


def _outages(seen: Observations) -> Iterator[tuple[datetime, datetime]]:
    begun: datetime | None = None
    for did in seen.all(Did):
        at = datetime.fromtimestamp(did.wall, UTC)
        if did.action.startswith(OUTAGE_BEGINS):
            begun = begun or at
        elif did.action == OUTAGE_ENDS and begun is not None:
            yield begun - OUTAGE_MARGIN, at + OUTAGE_MARGIN
            begun = None


def _times(definition: ScheduleDefinition) -> str:
    return f"the schedule {definition.cron or f'every {definition.every} s'}"
