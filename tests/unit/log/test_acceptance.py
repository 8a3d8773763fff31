from __future__ import annotations

import pytest

from headrace.embedded.nats import EmbeddedNats
from headrace.errors import AppendRefused, LogUnavailable
from headrace.log import append
from headrace.log.acceptance import Acceptance
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.log.subjects import EXPECTED_LAST_SUBJECT_SEQUENCE, has_events
from tests.full_disk import full_disk
from tests.unit.conftest import settings_for
from tests.waiting import until

SUBJECT = "hr.tasks.queued.echo.normal.u.1"
ENTRY = "$KV.HEADRACE_KINDS.echo"


async def test_a_log_whose_disk_was_full_says_that_it_takes_nothing_until_its_server_was_started_anew(
    nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "PROBE_SECONDS", 0.05)
    async with open_log(settings_for(nats, HEADRACE_STREAM_APPEND_TIMEOUT="0.3"), "test") as log:
        await log.appender.append(SUBJECT, b"x" * 1000, {})
        assert log.problem is None
        with full_disk(nats), pytest.raises(LogUnavailable, match="did not acknowledge"):
            await log.appender.append(SUBJECT, b"x" * 100_000, {})
        assert log.problem == "takes nothing: the log did not acknowledge within 0.3 s"
        assert (await log.refresh()).last_sequence == 1
        await nats.stop()
        await nats.start()
        await until(lambda: log.problem is None, "an append of nothing, with nobody else appending")
        assert [each.payload for each in await events(log)] == [b"x" * 1000]


async def test_a_condition_that_does_not_hold_is_no_log_that_takes_nothing(log: Log) -> None:
    with pytest.raises(AppendRefused):
        await log.appender.append(SUBJECT, b"x", {EXPECTED_LAST_SUBJECT_SEQUENCE: "7"})
    assert log.problem is None


def test_each_stream_takes_appends_or_does_not() -> None:
    acceptance, calls = Acceptance(), list[str]()
    acceptance.on_refused = lambda: calls.append("probe")
    acceptance.note_refused(ENTRY, LogUnavailable("late"))
    assert calls == []
    acceptance.note_taken(SUBJECT)
    assert acceptance.problem == "takes nothing: late"
    acceptance.note_refused(SUBJECT, LogUnavailable("late"))
    assert calls == ["probe"]
    acceptance.note_taken(ENTRY)
    acceptance.note_taken(SUBJECT)
    assert acceptance.problem is None


async def events(log: Log) -> list[append.Message]:
    page = await log.replayer.page("hr.>")
    return [append.Message(each.subject, each.payload, {}) for each in page.records if has_events(each.subject)]
