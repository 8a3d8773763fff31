"""Where hints come from: what cannot be read is left out, and costs a line of the log each time that it is new."""

from __future__ import annotations

import msgspec
import pytest
from structlog.testing import capture_logs

from headrace.api.hints import source as source_module
from headrace.api.hints.buffer import Hint, HintBuffer
from headrace.api.hints.source import HintSource
from headrace.contracts.counts import OwnerCounts
from headrace.contracts.hints import UserHint
from headrace.errors import LogUnavailable
from tests.waiting import until

_users, _counts = msgspec.json.Decoder(UserHint).decode, msgspec.json.Decoder(OwnerCounts).decode


class Failing(HintSource):
    """A source that fails at first."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 2

    async def work(self) -> None:
        if self.failures:
            self.failures -= 1
            raise LogUnavailable("NATS cannot be reached")
        self.succeeded()
        self.give(Hint("gauges", "gauges", b"now;"), is_current=True)
        self.give(Hint("users", "user a", b"once;"))


async def test_what_cannot_be_read_is_logged_once_for_each_reason_and_counted_when_nobody_follows_any_more() -> None:
    source, buffer = Failing(), HintBuffer(lambda: None)
    source.join(buffer)
    with capture_logs() as lines:
        for _ in range(100):
            assert source.read(_users, "hr.live.users", b"{}") is None
            assert source.read(_counts, "hr.live.counts", b"no JSON") is None
        assert [each["log_level"] for each in lines] == ["warning", "warning"]
        assert all("cannot be read: Failing" in each["event"] for each in lines)
        readable = b'{"user":"a","change":"decided","state":"active"}'
        assert source.read(_users, "hr.live.users", readable) == _users(readable)
        source.leave(buffer)
    buffer.close()
    assert lines[2:] == [{"event": lines[2]["event"], "log_level": "info", "failed": 200}]


async def test_a_source_that_fails_begins_again_and_whoever_joins_later_is_told_how_it_is_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source_module, "RETRY_SECONDS", 0.01)
    source = Failing()
    first, later = HintBuffer(lambda: None), HintBuffer(lambda: None)
    source.join(first)
    await until(lambda: len(first) == 2, "the source to work")
    source.join(later)
    assert (first.take(), later.take()) == (b"now;once;", b"now;")
    for each in (first, later):
        source.leave(each)
        each.close()
    assert not source.is_wanted
    again = HintBuffer(lambda: None)
    source.join(again)
    assert again.take() == b"", "what was said to those who left is not how it is now"
    source.leave(again)
    again.close()
