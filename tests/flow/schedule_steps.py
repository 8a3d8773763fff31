"""What the tests of schedules have in common: making and changing one, its firings, and the tasks that those submit."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from headrace.contracts.schedules import ScheduleFired, decode
from headrace.lifecycle.schedules import occurrence_task_id
from headrace.log.records import Record
from tests.cluster import Cluster
from tests.waiting import until

Json = dict[str, Any]


EVERY_SECOND: Json = {"kind": "noop", "input": {}, "every": 1}


async def create(cluster: Cluster, **given: Any) -> Json:
    """Make a schedule; must be accepted."""
    definition = EVERY_SECOND | given
    if "cron" in given:
        del definition["every"]
    answer = await cluster.http.post("/api/v1/schedules", json=definition)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def change(cluster: Cluster, schedule: Json, **given: Any) -> Json:
    answer = await cluster.http.put(f"/api/v1/schedules/{schedule['id']}", json=schedule["definition"] | given)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def get(cluster: Cluster, schedule: Json, at_least: str | None = None) -> Json:
    parameters = {"at_least": at_least} if at_least else {}
    answer = await cluster.http.get(f"/api/v1/schedules/{schedule['id']}", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def end(cluster: Cluster, schedule: Json) -> None:
    answer = await cluster.http.delete(f"/api/v1/schedules/{schedule['id']}")
    assert answer.status_code == 204, answer.text


async def firings(cluster: Cluster, schedule: Json) -> list[Record]:
    return await cluster.events(f"hr.schedules.fired.local.{schedule['id']}")


async def submitted(cluster: Cluster, schedule: Json) -> list[Record]:
    """The tasks it has submitted."""
    queued = await cluster.events("hr.tasks.queued.>")
    return [record for record in queued if record.headers.get("Headrace-Schedule") == schedule["id"]]


def task(record: Record) -> str:
    return record.subject.rpartition(".")[2]


def due(firing: Record) -> datetime:
    """The occurrence that a timer was set for."""
    fired = decode(firing.payload)
    assert isinstance(fired, ScheduleFired)
    assert fired.due_at is not None
    return fired.due_at


def tasks_of(schedule: Json, fired: list[Record]) -> Counter[str]:
    """The tasks that firings are to submit."""
    return Counter(occurrence_task_id(schedule["id"], due(firing)) for firing in fired)


async def seconds_pass(cluster: Cluster, seconds: int) -> None:
    """Wait until timers went off so often."""
    clock = await create(cluster)
    await until(lambda: has_fired(cluster, clock, seconds), "a schedule to fire")
    await end(cluster, clock)


async def has_fired(cluster: Cluster, schedule: Json, times: int) -> bool:
    return len(await firings(cluster, schedule)) >= times


async def has_submitted(cluster: Cluster, schedule: Json, times: int) -> bool:
    return len(await submitted(cluster, schedule)) >= times
