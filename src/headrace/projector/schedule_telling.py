"""Telling which schedules have changed, live, once the read model has the change."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from headrace.contracts.hints import ScheduleChange, ScheduleHint
from headrace.contracts.positions import Position
from headrace.contracts.schedules import ScheduleDeleted, ScheduleFired, ScheduleSaved, decode
from headrace.errors import LogUnavailable
from headrace.log import live_subjects
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import ScheduleSubject, is_of_schedule
from headrace.telemetry import get_logger

log = get_logger(__name__)

_CHANGES = {
    ScheduleSaved: ScheduleChange.SAVED,
    ScheduleDeleted: ScheduleChange.DELETED,
    ScheduleFired: ScheduleChange.FIRED,
}

_encode = msgspec.json.Encoder().encode


class ScheduleTelling:
    """Publishes the changes of schedules, of each schedule of a page the last."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def tell(self, page: Iterable[Record]) -> None:
        """Tell the changes that are in a page of the log."""
        changed: dict[str, ScheduleHint] = {}
        for record in page:
            if is_of_schedule(record.subject) and (hint := _hint_of(record, self._log.epoch)) is not None:
                changed[hint.schedule] = hint
        try:
            for hint in changed.values():
                await self._log.live.publish(live_subjects.schedules_of(hint.owner), _encode(hint))
        except LogUnavailable as error:
            # Whoever shows schedules reads them again now and then.
            log.warning("changes of schedules could not be told", schedules=len(changed), error=error.message)


def _hint_of(record: Record, epoch: int) -> ScheduleHint | None:
    """Return what a record about a schedule tells; None for one that cannot be read, which the projection has logged."""
    try:
        subject = ScheduleSubject.parse(record.subject)
        # A deletion also takes the place of the definition, under the subject of that one.
        change = _CHANGES[type(decode(record.payload))]
    except ValueError:
        return None
    position = Position(epoch, record.sequence)
    return ScheduleHint(
        schedule=subject.schedule, owner=subject.owner, change=change, at=record.at, position=str(position)
    )
