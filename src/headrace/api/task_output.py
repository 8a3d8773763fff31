"""What the handler of a task wrote: its newest lines and chunks, read from the log while that has them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from headrace.contracts.attempts import Attempt
from headrace.contracts.events import HIGH_RATE_SECONDS, Emitted, EventName, Logged, read
from headrace.contracts.positions import Position
from headrace.contracts.screens.task_detail import LogLine, TimelineItem
from headrace.contracts.tasks import TimelineEntry
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.newest import read_newest
from headrace.log.records import Record

LINES_BYTES_MAX = 256 << 10  # of the newest lines; a page shows no more, and no more is kept
LINES_MAX = 2048  # that are read; eight pages of the log
CHUNKS_BYTES_MAX = 64 << 10
CHUNK_EVENTS_MAX = 512  # each has several chunks

_ANY_OWNER = "*"


class Lines(NamedTuple):
    """The newest lines, and whether earlier ones were left out."""

    lines: list[LogLine]
    is_cut: bool


class Chunks(NamedTuple):
    """The newest chunks, whether earlier ones were left out, and where the log has the last one and the first."""

    chunks: list[Any]
    is_cut: bool
    position: str | None
    begin: str | None


async def read_lines(log: Log, owner: str | None, task: str) -> Lines:
    """Read the newest lines of a task; None as the owner is for administrators, who may see everybody's.

    Raises:
        LogUnavailable: the log does not answer in time.
    """
    subject = subjects.task_events(owner or _ANY_OWNER, task, event=EventName.LOGGED)
    newest, is_all = await read_newest(log.replayer, subject, LINES_MAX)
    kept, is_cut = _newest_within(newest, LINES_BYTES_MAX)
    read_events = ((record, read(EventName.LOGGED, record.payload)) for record in kept)
    lines = [_line(record, event, log.epoch) for record, event in read_events if isinstance(event, Logged)]
    return Lines(lines, is_cut or not is_all)


async def read_chunks(log: Log, owner: str | None, task: str, bytes_max: int = CHUNKS_BYTES_MAX) -> Chunks:
    """Read the newest chunks that a task has streamed, see `read_lines`.

    Raises:
        LogUnavailable: the log does not answer in time.
    """
    subject = subjects.task_events(owner or _ANY_OWNER, task, event=EventName.EMITTED)
    newest, is_all = await read_newest(log.replayer, subject, CHUNK_EVENTS_MAX)
    kept, is_cut = _newest_within(newest, bytes_max)
    read_events = (read(EventName.EMITTED, record.payload) for record in kept)
    chunks = [chunk for event in read_events if isinstance(event, Emitted) for chunk in event.chunks]
    position = str(Position(log.epoch, kept[-1].sequence)) if kept else None
    begin = str(Position(log.epoch, kept[0].sequence)) if kept else None
    return Chunks(chunks, is_cut or not is_all, position, begin)


def has_whole_output(log: Log, attempts: list[Attempt] | None, first_started: str | None, now: datetime) -> bool:
    """Whether the log still has all that a handler wrote: its first attempt began in this log, and not too long ago.

    Args:
        log: The log.
        attempts: The attempts of the task; None when these are not known.
        first_started: The position at which the first attempt began; None when none did.
        now: The time by the clock of the log.
    """
    if attempts is None:
        return False
    started = [each.started_at for each in attempts if each.started_at is not None]
    if not started or first_started is None:
        return True
    position = Position.parse(first_started)
    if position.epoch != log.epoch or position.sequence < log.state.first_sequence:
        return False
    # Of an attempt that was given again the last start is known; what came before is older.
    return min(attempt.queued_at for attempt in attempts) > now - timedelta(seconds=HIGH_RATE_SECONDS)


def first_start(timeline: Sequence[TimelineItem] | Sequence[TimelineEntry] | None) -> str | None:
    """Return the position of the first start that a timeline has."""
    return next((each.position for each in timeline or () if each.event == EventName.STARTED), None)


def _newest_within(records: list[Record], size: int) -> tuple[list[Record], bool]:
    """Return the newest records that have so many bytes together, at least one, and whether others were left out."""
    room = size
    for count, record in enumerate(reversed(records)):
        room -= len(record.payload)
        if room < 0 and count:
            return records[len(records) - count :], True
    return records, False


def _line(record: Record, event: Logged, epoch: int) -> LogLine:
    return LogLine(
        at=record.at,
        attempt=event.attempt,
        level=event.level,
        message=event.message,
        position=str(Position(epoch, record.sequence)),
    )
