"""What needs somebody's attention, of facts that were gathered elsewhere: pure functions, so that each rule can be read and tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from headrace.contracts.filters import Filter
from headrace.contracts.screens.rows import Attention, Group
from headrace.contracts.tasks import State

FAILURES_SHOWN_MAX = 3  # sorts of failures, so that they do not hide everything else
LATE_SECONDS = 900.0  # since a queued task was created; within a quarter of an hour nobody has to worry
EXPIRING_SECONDS = 900.0  # in which a waiting task expires; later there is still time, and nothing to do
LOG_FULL_SHARE = 0.8  # of the size at which the log refuses new work; from here on an operator has time to make room
LOG_URGENT_SHARE = 0.95
BEHIND_SECONDS = 10.0  # of the read model; it is usually a tenth of a second behind
WAITING = [State.PENDING, State.QUEUED]


class KindFacts(NamedTuple):
    """A kind of which tasks wait.

    Attributes:
        name: Its name.
        has_workers: Whether a worker runs it.
        announced_at: When a worker last announced it; None when none ever did.
        paused_at: When it was paused; None when it is not.
        queued: How many of the caller's tasks are queued.
    """

    name: str
    has_workers: bool
    announced_at: datetime | None
    paused_at: datetime | None
    queued: int


class Overdue(NamedTuple):
    """Tasks that wait, and when the first of them began to, or ends.

    Attributes:
        tasks: How many; no more are counted than one thousand.
        first_at: When the oldest was created, or when the first one expires.
        before: They were created, or expire, before this.
    """

    tasks: int
    first_at: datetime
    before: datetime


class StuckSchedule(NamedTuple):
    """A schedule that should have submitted a task and has not."""

    id: str
    kind: str
    since: datetime


class LogRoom(NamedTuple):
    """How much the log has of what it may have; of installations, not of accounts."""

    bytes: int
    bytes_max: int
    at: datetime


class ReadModelLag(NamedTuple):
    """Events that are not in the read model, and since when the oldest of them waits."""

    events: int
    seconds: float
    since: datetime


class Facts(NamedTuple):
    """What is known of an account's tasks, or of those of all accounts.

    Attributes:
        owner: For the filters: whose tasks, when an administrator looks; `ANY_OWNER` for those of all. None for one's own.
        failures: Failures that are alike, the newest first.
        failures_since: They failed since then.
        kinds: Kinds of which tasks wait.
        late: Tasks that are queued and were created long ago.
        expiring: Waiting tasks that expire soon.
        schedules: Schedules that do not fire as they should.
        log: The room in the log; for administrators.
        behind: How far the read model is behind; for administrators.
    """

    owner: str | None
    failures: Sequence[Group]
    failures_since: datetime
    kinds: Sequence[KindFacts] = ()
    late: Overdue | None = None
    expiring: Overdue | None = None
    schedules: Sequence[StuckSchedule] = ()
    log: LogRoom | None = None
    behind: ReadModelLag | None = None


def find_attention(facts: Facts, limit: int) -> list[Attention]:
    """Say what needs attention: what somebody has to do first, and of those the newest first.

    Args:
        facts: What is known.
        limit: How many at most.
    """
    found = [
        *_of_installation(facts),
        *_of_kinds(facts),
        *_of_tasks(facts),
        *_of_schedules(facts),
        *_of_failures(facts),
    ]
    # A sort keeps the order of what is alike.
    found.sort(key=lambda each: (each.severity != "act", -each.since.timestamp()))
    return found[:limit]


def _of_installation(facts: Facts) -> Iterator[Attention]:
    if facts.log is not None and facts.log.bytes >= facts.log.bytes_max * LOG_FULL_SHARE:
        share = facts.log.bytes / facts.log.bytes_max
        severity = "act" if share >= LOG_URGENT_SHARE else "look"
        yield _attention("log_filling", severity, facts.log.at, count=int(share * 100))
    if facts.behind is not None and facts.behind.seconds >= BEHIND_SECONDS:
        yield _attention("behind", "act", facts.behind.since, count=facts.behind.events)


def _of_kinds(facts: Facts) -> Iterator[Attention]:
    for kind in facts.kinds:
        if not kind.queued:
            continue
        query = _filter(facts, state=[State.QUEUED], kind=[kind.name])
        if kind.paused_at is not None:
            yield _attention("paused", "look", kind.paused_at, kind=kind.name, count=kind.queued, query=query)
        elif not kind.has_workers and kind.announced_at is not None:
            yield _attention("no_workers", "act", kind.announced_at, kind=kind.name, count=kind.queued, query=query)


def _of_tasks(facts: Facts) -> Iterator[Attention]:
    if facts.expiring is not None and facts.expiring.tasks:
        yield _attention("expiring", "act", facts.expiring.first_at, count=facts.expiring.tasks)
    if facts.late is not None and facts.late.tasks:
        query = _filter(facts, state=[State.QUEUED], created_before=facts.late.before)
        yield _attention("late", "look", facts.late.first_at, count=facts.late.tasks, query=query)


def _of_schedules(facts: Facts) -> Iterator[Attention]:
    for stuck in facts.schedules:
        query = _filter(facts, schedule=stuck.id)
        yield _attention("schedule_stuck", "act", stuck.since, kind=stuck.kind, count=1, query=query)


def _of_failures(facts: Facts) -> Iterator[Attention]:
    for group in facts.failures[:FAILURES_SHOWN_MAX]:
        query = _filter(facts, state=[State.FAILED], fingerprint=group.fingerprint, finished_from=facts.failures_since)
        yield _attention(
            "failures", "look", group.last_at, kind=group.kind, count=group.count, group=group, query=query
        )


def _filter(facts: Facts, **fields: Any) -> Filter:
    return Filter(owner=facts.owner, **fields)


def _attention(what: Any, severity: Any, since: datetime, **differing: Any) -> Attention:
    nothing: dict[str, Any] = {"kind": None, "count": 0, "group": None, "query": None}
    return Attention(what=what, severity=severity, since=since, **nothing | differing)


def late_before(now: datetime) -> datetime:
    """Return before which time a queued task was created that is late."""
    return now - timedelta(seconds=LATE_SECONDS)
