"""Gathering what `headrace.api.bff.attention` judges: what the read model says of an owner's tasks, and the catalog of their kinds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from headrace.api.bff.attention import (
    EXPIRING_SECONDS,
    FAILURES_SHOWN_MAX,
    Facts,
    KindFacts,
    Overdue,
    StuckSchedule,
    late_before,
)
from headrace.api.bff.figures import first_minute
from headrace.contracts.batches import Counts
from headrace.contracts.kinds import CatalogEntry
from headrace.contracts.screens.rows import Group
from headrace.contracts.tasks import FailureCode
from headrace.printable import printable_lines
from headrace.store.activity_statements import HOUR
from headrace.store.attention import Firing, find_pauses
from headrace.store.counts import HOURS_SHOWN, FailureFilter, FailureGroup, list_failure_groups
from headrace.store.failure_counts import hour_of
from headrace.store.figures import Figures, Times, Waiting
from headrace.store.snapshot import Reads


class Gathered(NamedTuple):
    """What the read model says.

    Attributes:
        failures: The newest sorts of failures.
        failures_since: They failed since then.
        counts: How many tasks there are of each kind in each state.
        pauses: When kinds were paused.
        late: Queued tasks that were created long ago.
        expiring: Waiting tasks that expire soon.
    """

    failures: Sequence[Group]
    failures_since: datetime
    counts: dict[str, Counts]
    pauses: dict[str, datetime]
    late: Overdue | None
    expiring: Overdue | None


def times_of(now: datetime, since: datetime) -> Times:
    """Return which times figures are read for; what happened since ``since`` is added up."""
    soon = now + timedelta(seconds=EXPIRING_SECONDS)
    return Times(since=since, minutes_since=first_minute(now), late_before=late_before(now), expiring_before=soon)


async def gather(
    session: Reads, owner: str, figures: Figures, times: Times, paused: Collection[str], now: datetime
) -> Gathered:
    """Read what else is known of an owner's tasks; `EVERYBODY` for those of all.

    Args:
        session: A session.
        owner: The owner.
        figures: What was read of them.
        times: For which times.
        paused: The paused kinds.
        now: The time.
    """
    since = hour_of(now) - (HOURS_SHOWN - 1) * HOUR
    groups: list[FailureGroup] = []
    # The counts are of the same snapshot, so nothing is looked for that is not there.
    if figures.counts.counts.failed:
        wanted = FailureFilter(since=since)
        groups, _ = await list_failure_groups(session, owner, wanted, now, None, FAILURES_SHOWN_MAX)
    counts = figures.counts.kinds
    pauses = await find_pauses(session, [kind for kind in paused if kind in counts and counts[kind].queued])
    return Gathered(
        failures=[to_group(each) for each in groups],
        failures_since=since,
        counts=counts,
        pauses={kind: at for kind, (at, _) in pauses.items()},
        late=_overdue(figures.late, times.late_before),
        expiring=_overdue(figures.expiring, times.expiring_before),
    )


def to_facts(
    gathered: Gathered, kinds: Sequence[CatalogEntry], firings: Sequence[Firing], *, owner: str | None, now: datetime
) -> Facts:
    """Put together what was read from different places.

    Args:
        gathered: What the read model says.
        kinds: The kinds of the catalog; none while that is not known.
        firings: The schedules of the owner.
        owner: Whose tasks the filters name; None for those of whoever asks, `ANY_OWNER` for everybody's.
        now: The time.
    """
    return Facts(
        owner=owner,
        failures=gathered.failures,
        failures_since=gathered.failures_since,
        kinds=[_kind(each, gathered, now) for each in kinds if each.name in gathered.counts],
        late=gathered.late,
        expiring=gathered.expiring,
        schedules=[StuckSchedule(each.id, each.kind, each.missed_at) for each in firings if each.missed_at is not None],
    )


def _kind(entry: CatalogEntry, gathered: Gathered, now: datetime) -> KindFacts:
    # Who pauses a kind in another way than by the API leaves no trace of when that was.
    paused_at = gathered.pauses.get(entry.name, now) if entry.paused else None
    return KindFacts(entry.name, entry.has_workers, entry.announced_at, paused_at, gathered.counts[entry.name].queued)


def to_group(found: FailureGroup) -> Group:
    """Return a group of failures as screens show it."""
    return Group(
        fingerprint=found.fingerprint,
        kind=found.kind,
        code=FailureCode(found.code),
        message=printable_lines(found.message),
        count=found.count,
        first_at=found.first_at,
        last_at=found.last_at,
        newest=found.newest,
    )


def _overdue(found: Waiting | None, before: datetime) -> Overdue | None:
    return None if found is None else Overdue(found.tasks, found.first_at, before)
