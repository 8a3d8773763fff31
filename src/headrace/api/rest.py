"""Why a schedule submits nothing, as its owner is shown."""

from __future__ import annotations

import msgspec

from headrace.contracts.schedules import Schedule
from headrace.lifecycle.resting import resting
from headrace.run_time_settings import CurrentSettings


def with_rest(current: CurrentSettings, schedule: Schedule, *, is_owner_disabled: bool = False) -> Schedule:
    """Return a schedule with the reason why it rests, if it does."""
    definition = schedule.definition
    is_enabled = current.is_enabled(definition.kind)
    rest = resting(definition.kind, is_owner_disabled=is_owner_disabled, is_kind_enabled=is_enabled)
    return msgspec.structs.replace(schedule, resting=None if definition.paused else rest)
