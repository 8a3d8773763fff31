"""The facts about a task that waits, gathered from the log, the catalog and the read model."""

from __future__ import annotations

from headrace.api.state import ApiState
from headrace.api.waiting.explain import AHEAD_MAX, Facts, explain_waiting
from headrace.api.waiting.throughput import Running, starts_per_second, window_of
from headrace.contracts.tasks import State, TaskSummary
from headrace.contracts.waiting import Waiting
from headrace.errors import LogUnavailable, UnknownKind
from headrace.log import clock
from headrace.log.lane_states import LaneState
from headrace.store.activity import read_pace
from headrace.store.earlier import find_place
from headrace.store.running import read_running_seconds
from headrace.store.snapshot import Reads


async def read_waiting(api: ApiState, session: Reads, task: TaskSummary) -> Waiting | None:
    """Say why a task waits; None when it does not.

    A log that does not answer is a reason, and no error.

    Args:
        api: The state of the process.
        session: A session on the read model, the one in which the task was read.
        task: The task.
    """
    if task.state not in (State.PENDING, State.QUEUED):
        return None
    now = clock.now()
    due_in = 0.0 if task.due_at is None else max((task.due_at - now).total_seconds(), 0.0)
    facts = Facts(
        priority=task.priority,
        due_in=due_in,
        lanes=None,
        has_workers=None,
        rate=None,
        earlier={},
        per_second=None,
    )
    if due_in == 0.0 and (lanes := await _find_lanes(api, task.kind)) is not None:
        facts = await _add_queue(api, session, task, facts._replace(lanes=lanes))
    return explain_waiting(facts)


async def _add_queue(api: ApiState, session: Reads, task: TaskSummary, facts: Facts) -> Facts:
    """Add what is known about the queue in which a task waits."""
    has_workers, rate = _find_workers(api, task.kind)
    facts = facts._replace(has_workers=has_workers, rate=rate)
    place = await find_place(session, task.id, AHEAD_MAX)
    if place is None:
        return facts
    now = clock.now()
    window = window_of(place.since, now)
    pace = await read_pace(session, task.kind, *window)
    running = Running(
        sum(lane.running for lane in facts.lanes or ()), await read_running_seconds(session, task.kind, now)
    )
    return facts._replace(earlier=place.earlier, per_second=starts_per_second(pace, window, running, rate, now))


async def _find_lanes(api: ApiState, kind: str) -> list[LaneState] | None:
    try:
        return await api.gauges.lanes_of(kind)
    except LogUnavailable:
        return None


def _find_workers(api: ApiState, kind: str) -> tuple[bool | None, float | None]:
    """Return whether workers have announced a kind lately, and how many of it may start a second."""
    try:
        entry = api.catalog.entry(kind)
    except UnknownKind:
        return False, None
    except LogUnavailable:
        return None, None
    return entry.has_workers, entry.rate
