"""Reading the newest records of a subject. The log is read forwards, so the place from which few are left has to be found first."""

from __future__ import annotations

from typing import NamedTuple

from headrace.log.records import Record
from headrace.log.replay import PAGE_RECORDS, Replayer

TRIES_MAX = 8  # places that are tried; each leaves a part of those before it
LEFT_MIN_SHARE = 4  # the place is good enough from which a fourth of as many as wanted are left


class Newest(NamedTuple):
    """The newest records of a subject in the order of the log, and whether these are all that the log has."""

    records: list[Record]
    is_all: bool


async def read_newest(replayer: Replayer, subject: str, limit: int) -> Newest:
    """Read the newest records of a subject, ``limit`` at most; of many, between a fourth of that and ``limit``.

    Args:
        replayer: Reads the log.
        subject: The subject, wildcards allowed. It is better one whose records are close to each other, such as of one task.
        limit: How many records at most.

    Raises:
        LogUnavailable: the log does not answer in time.
    """
    first = await replayer.first(subject)
    if first.record is None:
        return Newest([], is_all=True)
    start = first.record.sequence
    is_all = first.following < limit
    if not is_all:
        start = await _find_start(replayer, subject, start, first.following + 1, limit)
    records: list[Record] = []
    more = True
    while more and len(records) < limit:
        page = await replayer.page(subject, start=start, records=min(limit - len(records), PAGE_RECORDS))
        if not page.records:
            break
        records += page.records
        start, more = records[-1].sequence + 1, page.more
    return Newest(records, is_all)


async def _find_start(replayer: Replayer, subject: str, begin: int, count: int, limit: int) -> int:
    """Return a sequence from which between a fourth of ``limit`` and ``limit`` records are left.

    Records of one subject are spread more or less evenly between its first and its last, so a place is guessed by that, between
    those that were tried. When no place is good enough, the last one is returned from which no more than ``limit`` are left.
    """
    last = await replayer.last(subject)
    low, low_left = begin, count
    high, high_left = (begin if last is None else last.sequence), 1
    for _ in range(TRIES_MAX):
        wanted = limit * 3 // 4
        share = (low_left - wanted) / max(low_left - high_left, 1)
        guess = min(max(low + round((high - low) * share), low + 1), max(high - 1, low + 1))
        found = await replayer.first(subject, guess)
        left = 0 if found.record is None else found.following + 1
        if left > limit:
            low, low_left = guess, left
        else:
            high, high_left = guess, left
            if left >= limit // LEFT_MIN_SHARE:
                break
        if high - low <= 1:
            break
    return high
