"""Reads that are not older than what a majority of the servers has agreed on.

A server that was cut off takes itself for the leader of the log for up to ten seconds, and goes on answering from what it had.
An append is acknowledged only when a majority has it. So a reader that has appended something knows that an answer is not too old
when the answer contains it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.append import PROBE_HEADERS
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.streams import StreamState

CATCH_UP_SECONDS = 2.0  # a replica is usually milliseconds behind; one that is so for longer is cut off or starting
POLL_SECONDS = 0.01

Out = TypeVar("Out")


async def last_of_each_agreed(log: Log, *filters: str) -> list[Record]:
    """The newest record of every subject that matches, with all that was acknowledged before this was called.

    It costs an append, so use it to confirm that something is not there, which is rare.

    Args:
        log: The log.
        filters: Subjects, wildcards allowed.

    Raises:
        LogUnavailable: There is no majority, or who answers stays behind it for more than `CATCH_UP_SECONDS`.
    """
    if log.settings.replicas == 1:
        return await log.replayer.last_of_each(*filters)
    probe = await log.appender.append(subjects.PROBE, b"", PROBE_HEADERS)

    async def read() -> list[Record] | None:
        found = await log.replayer.last_of_each(*filters, subjects.PROBE)
        # The log keeps the newest probe only, which may be a later one of somebody else.
        has_probe = any(each.subject == subjects.PROBE and each.sequence >= probe.sequence for each in found)
        return [each for each in found if each.subject != subjects.PROBE] if has_probe else None

    return await read_caught_up(read)


async def last_agreed(log: Log, subject: str) -> Record | None:
    """The newest record whose subject matches, None only when a majority of the servers has none.

    What is found is as new as the replica that answers has it. That there is none costs an append.

    Args:
        log: The log.
        subject: A subject, wildcards allowed.

    Raises:
        LogUnavailable: The log does not answer, or there is no majority.
    """
    if (found := await log.replayer.last(subject)) is not None:
        return found
    return max(await last_of_each_agreed(log, subject), key=lambda record: record.sequence, default=None)


async def last_of_each_caught_up(log: Log, subject: str) -> list[Record]:
    """The newest record of every subject that matches, with all that the leader had when this was called.

    Any replica may answer, and one that has just come back may not have it yet.

    Args:
        log: The log.
        subject: A subject, wildcards allowed.

    Raises:
        LogUnavailable: The log does not answer, or who answers stays behind its leader for more than `CATCH_UP_SECONDS`.
    """
    if log.settings.replicas == 1:
        return await log.replayer.last_of_each(subject)
    newest = await log.replayer.leading.last(subject)

    async def read() -> list[Record] | None:
        found = await log.replayer.last_of_each(subject)
        return found if max((each.sequence for each in found), default=0) >= newest else None

    return await read_caught_up(read)


async def state_with(log: Log, epoch: int, sequence: int) -> StreamState:
    """The extent of the log now. It ends before a sequence that somebody names only when a majority of the servers says so.

    That costs an append, for a sequence that seems to come after the end.

    Args:
        log: The log.
        epoch: The epoch of the position that somebody names.
        sequence: Its sequence.

    Raises:
        LogUnavailable: The log does not answer, or there is no majority.
    """
    state = await log.refresh()
    return state if epoch != state.epoch or sequence <= state.last_sequence else await state_agreed(log)


async def state_agreed(log: Log) -> StreamState:
    """The extent of the log, with all that was acknowledged before this was called. It costs an append.

    Args:
        log: The log.

    Raises:
        LogUnavailable: The log does not answer, or there is no majority.
    """
    state = await log.refresh()
    if log.settings.replicas == 1:
        return state
    probe = await log.appender.append(subjects.PROBE, b"", PROBE_HEADERS)
    return msgspec.structs.replace(state, last_sequence=max(state.last_sequence, probe.sequence - 1))


async def is_all(log: Log, subject: str, last: int, through: int) -> bool:
    """Whether the log has no record of a subject between the last one that was read and a sequence.

    Any replica may have answered what was read, and one that is behind has less.

    Args:
        log: The log.
        subject: The subject, wildcards allowed.
        last: The sequence up to which its records were read.
        through: A sequence that the log has reached.

    Raises:
        LogUnavailable: The log does not answer.
    """
    if log.settings.replicas == 1 or last >= through:
        return True
    newest = await log.replayer.leading.last_when_at(subject, through)
    return newest is not None and newest <= last


async def read_caught_up(read: Callable[[], Awaitable[Out | None]]) -> Out:
    """Read from the log until a replica answers that is not behind, and return what was read.

    Args:
        read: Reads once. It returns None when the replica that has answered is behind.

    Raises:
        LogUnavailable: ``read`` says so, or who answers stays behind for more than `CATCH_UP_SECONDS`.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CATCH_UP_SECONDS
    while (found := await read()) is None:
        if loop.time() > deadline:
            raise LogUnavailable("a copy of the log is behind the others; try again in a moment")
        # A replica sends no signal when it has caught up, so it is polled.
        await asyncio.sleep(POLL_SECONDS)
    return found
