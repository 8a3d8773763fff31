from __future__ import annotations

import asyncio

import pytest

from headrace.log.connection import Log
from headrace.log.newest import read_newest
from headrace.log.subjects import TaskSubject

TASK = TaskSubject("logged", "echo", "normal", "newest", "t1")


@pytest.mark.parametrize("rhythm", [[1], [1] * 5 + [40], [40] + [1] * 5])
async def test_the_newest_records_of_a_subject_are_found_however_they_are_spread(
    shared_log: Log, rhythm: list[int]
) -> None:
    task = TASK._replace(task=f"t{len(rhythm)}-{rhythm[0]}")
    other = TASK._replace(task="other")
    sequences: list[int] = []
    for number in range(60):
        sequences.append((await shared_log.appender.append(str(task), b"%d" % number, {})).sequence)
        between = rhythm[number * len(rhythm) // 60]
        await asyncio.gather(*(shared_log.appender.append(str(other), b"", {}) for _ in range(between)))
    assert await read_newest(shared_log.replayer, str(task._replace(task="none")), 9) == ([], True)
    every, is_all = await read_newest(shared_log.replayer, str(task), 60)
    assert ([each.sequence for each in every], is_all) == (sequences, True)
    for limit in (1, 8, 20, 59):
        found, is_all = await read_newest(shared_log.replayer, str(task), limit)
        assert [each.sequence for each in found] == sequences[-len(found) :]
        assert limit // 4 <= len(found) <= limit
        assert len(found) >= 1
        assert not is_all
