from __future__ import annotations

from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.prune import subjects_present, withdraw, withdraw_all, withdraw_newest

OWNER = "prune"


def timer(task: str) -> str:
    return f"hr.timers.tasks.{OWNER}.{task}"


async def set_timer(log: Log, task: str) -> int:
    headers = {
        subjects.SCHEDULE: "@at 2100-01-01T00:00:00Z",
        subjects.SCHEDULE_TARGET: "hr.probe",
        subjects.TTL: "never",
    }
    return (await log.appender.append(timer(task), b"{}", headers)).sequence


async def test_a_timer_is_withdrawn_and_the_others_stay(shared_log: Log) -> None:
    for task in ("one", "two"):
        await set_timer(shared_log, task)
    await withdraw_newest(shared_log, timer("one"))
    assert await subjects_present(shared_log, timer("*")) == {timer("two")}
    await withdraw_newest(shared_log, timer("one"))


async def test_a_timer_that_was_set_since_is_spared(shared_log: Log) -> None:
    old = await set_timer(shared_log, "three")
    new = await set_timer(shared_log, "three")
    await withdraw_newest(shared_log, timer("three"), before=new)
    assert [record.sequence for record in (await shared_log.replayer.page(timer("three"))).records] == [new]
    await withdraw_newest(shared_log, timer("three"), before=new + 1)
    assert (await shared_log.replayer.page(timer("three"))).records == []
    assert old < new


async def test_a_record_that_was_withdrawn_before_can_be_withdrawn_again(shared_log: Log) -> None:
    queued = await shared_log.appender.append(f"hr.tasks.queued.echo.normal.{OWNER}.t1", b"{}", {})
    await withdraw(shared_log, queued.sequence)
    await withdraw(shared_log, queued.sequence)
    assert await shared_log.replayer.last(f"hr.tasks.*.echo.normal.{OWNER}.t1") is None


async def test_of_many_records_all_are_withdrawn_also_when_some_were_before(shared_log: Log) -> None:
    sequences = [
        (await shared_log.appender.append(f"hr.tasks.queued.echo.normal.{OWNER}.m{number}", b"{}", {})).sequence
        for number in range(250)
    ]
    await withdraw(shared_log, sequences[7])
    await withdraw_all(shared_log, sequences[:-1])
    assert [each for each in sequences if not await shared_log.replayer.leading.has_dropped(each)] == sequences[-1:]
    await withdraw_all(shared_log, [])
