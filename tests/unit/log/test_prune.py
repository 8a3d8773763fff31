from __future__ import annotations

from headrace.log.connection import Log
from headrace.log.prune import purge, subjects_present, withdraw

OWNER = "prune"


def timer(task: str) -> str:
    return f"hr.timers.tasks.{OWNER}.{task}"


async def test_a_purge_takes_one_subject_away_and_leaves_the_others(shared_log: Log) -> None:
    for task in ("one", "two"):
        await shared_log.appender.append(timer(task), b"{}", {})
    await purge(shared_log, timer("one"))
    assert await subjects_present(shared_log, timer("*")) == {timer("two")}


async def test_a_purge_spares_what_was_appended_since(shared_log: Log) -> None:
    old = await shared_log.appender.append(timer("three"), b"old", {})
    new = await shared_log.appender.append(timer("three"), b"new", {})
    await purge(shared_log, timer("three"), before=new.sequence)
    left = await shared_log.replayer.page(timer("three"))
    assert [record.payload for record in left.records] == [b"new"]
    assert old.sequence < new.sequence


async def test_a_record_that_was_withdrawn_before_can_be_withdrawn_again(shared_log: Log) -> None:
    queued = await shared_log.appender.append(f"hr.tasks.queued.echo.normal.{OWNER}.t1", b"{}", {})
    await withdraw(shared_log, queued.sequence)
    await withdraw(shared_log, queued.sequence)
    assert await shared_log.replayer.last(f"hr.tasks.*.echo.normal.{OWNER}.t1") is None
