"""What a handler wrote, from the log and from what its worker has kept, read as one.

The log has lines and chunks for an hour. When an attempt ends, its worker keeps the newest as files of the task.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import msgspec

from headrace.api.task_output import CHUNKS_BYTES_MAX, Chunks, Lines
from headrace.contracts.files import content_key
from headrace.contracts.kept_output import KEPT_FILE_BYTES_MAX, Kept, KeptChunks, KeptLine, decode_kept, kept_id
from headrace.contracts.positions import Position
from headrace.contracts.screens.task_detail import LogLine, TaskLog, TaskOutput
from headrace.contracts.tasks import FileRole, Task
from headrace.file_errors import ObjectMissing, ObjectsUnavailable
from headrace.objects import Objects
from headrace.telemetry import get_logger

KEPT_SECONDS = 0.2  # to read what was kept; what the log has is shown without it

_decode_line = msgspec.json.Decoder(KeptLine)
_decode_chunks = msgspec.json.Decoder(KeptChunks)

log = get_logger(__name__)


async def read_kept_lines(objects: Objects | None, task: Task | None) -> list[KeptLine]:
    """Read the lines that were kept of a task; none when there are none, or the storage does not answer."""
    return await _read_kept(objects, task, FileRole.LOG, _decode_line)


async def read_kept_chunks(objects: Objects | None, task: Task | None) -> list[KeptChunks]:
    """Read the chunks that were kept of a task; none when there are none, or the storage does not answer."""
    return await _read_kept(objects, task, FileRole.OUTPUT, _decode_chunks)


def join_lines(kept: list[KeptLine], found: Lines, task: Task | None, *, log_is_whole: bool) -> TaskLog:
    """Join the lines that were kept with those that the log has.

    Args:
        kept: The lines that were kept.
        found: Those that the log has.
        task: The task, when it is known.
        log_is_whole: Whether the log still has all that was written.
    """
    begin = found.lines[0].position if found.lines else None
    earlier = _before(kept, begin)
    lines = [
        LogLine(at=each.at, attempt=each.attempt, level=each.level, message=each.message, position=each.position)
        for each in earlier
    ]
    # The log that lacks what was kept is not whole, whatever its age says.
    complete = _has_all(kept, task) or (log_is_whole and not found.is_cut and not earlier)
    return TaskLog(lines=[*lines, *found.lines], complete=complete)


def join_chunks(
    kept: list[KeptChunks], found: Chunks, task: Task | None, *, log_is_whole: bool, bytes_max: int = CHUNKS_BYTES_MAX
) -> TaskOutput:
    """Join the chunks that were kept with those that the log has, see `join_lines`; ``bytes_max`` bounds those that were kept."""
    earlier = _before(kept, found.begin)
    newest, is_cut = _newest_within(earlier, bytes_max)
    chunks: list[Any] = [chunk for each in newest for chunk in each.chunks]
    complete = (_has_all(kept, task) and not is_cut) or (log_is_whole and not found.is_cut and not earlier)
    position = found.position or (newest[-1].position if newest else None)
    return TaskOutput(chunks=[*chunks, *found.chunks], complete=complete, position=position)


async def _read_kept(
    objects: Objects | None, task: Task | None, role: FileRole, decoder: msgspec.json.Decoder[Kept]
) -> list[Kept]:
    if objects is None or task is None or not any(each.role is role for each in task.files):
        return []
    try:
        async with asyncio.timeout(KEPT_SECONDS):
            whole = await _read_whole(objects, content_key(task.owner, kept_id(task.id, role)))
    except ObjectMissing:
        return []
    except (ObjectsUnavailable, TimeoutError) as error:
        log.warning("what a handler wrote is kept, and cannot be read", task=task.id, error=str(error))
        return []
    return list(decode_kept(decoder, whole))


async def _read_whole(objects: Objects, key: str) -> bytes:
    """Read a file of lines or chunks; of one that is larger than it can be, only its beginning."""
    whole = bytearray()
    async with aclosing(objects.read(key, 0, KEPT_FILE_BYTES_MAX)) as chunks:
        async for chunk in chunks:
            whole += chunk
    return bytes(whole)


def _before(kept: list[Kept], begin: str | None) -> list[Kept]:
    if begin is None:
        return kept
    first = Position.parse(begin)
    return [each for each in kept if _position(each.position) < first]


def _position(written: str) -> Position:
    try:
        return Position.parse(written)
    except ValueError:
        return Position(0, 0)


def _has_all(kept: list[Kept], task: Task | None) -> bool:
    """Whether what was kept of a task that is over goes back to the first that it wrote."""
    return bool(kept) and kept[0].number == 1 and task is not None and task.state.final


def _newest_within(kept: list[KeptChunks], bytes_max: int) -> tuple[list[KeptChunks], bool]:
    room = bytes_max
    for count, each in enumerate(reversed(kept)):
        room -= len(msgspec.json.encode(each.chunks))
        if room < 0 and count:
            return kept[len(kept) - count :], True
    return kept, False
