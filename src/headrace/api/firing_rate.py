"""How often the schedules of an owner may fire together: as often as the owner may submit. A firing itself is counted by no limit."""

from __future__ import annotations

from datetime import datetime

from headrace.contracts.problems import FieldError
from headrace.contracts.schedules import Schedule, ScheduleDefinition
from headrace.cron import firings_per_minute
from headrace.errors import InvalidInput
from headrace.store.schedules import Times, list_times
from headrace.store.snapshot import Reads


async def check_firing_rate(
    session: Reads,
    owner: str,
    definition: ScheduleDefinition,
    limit: int,
    now: datetime,
    *,
    replaces: Schedule | None = None,
) -> None:
    """Refuse a definition with which the active schedules of an owner would fire too often.

    Args:
        session: Reads the other schedules.
        owner: The owner.
        definition: What is to be saved.
        limit: Submissions of the owner in a minute.
        now: The time.
        replaces: The schedule as it is, when one is changed. It may always fire less often, or as often as it does.

    Raises:
        InvalidInput: They would.
    """
    rate = _rate(definition, now)
    if not rate or (replaces is not None and rate <= _rate(replaces.definition, now)):
        return
    others = await list_times(session, owner, but=None if replaces is None else replaces.id)
    total = rate + sum(_rate(other, now) for other in others)
    if total > limit:
        message = (
            f"your active schedules would fire {total:,.4g} times a minute, and may {limit:,} times, as often as you may submit; "
            "let this one or others fire less often, or pause or delete some"
        )
        path = "/every" if definition.cron is None else "/cron"
        raise InvalidInput(message, [FieldError(path=path, message=message)])


def _rate(times: ScheduleDefinition | Times, now: datetime) -> float:
    if times.paused or (times.end_at is not None and now >= times.end_at):
        return 0.0
    return firings_per_minute(times.cron, times.every)
