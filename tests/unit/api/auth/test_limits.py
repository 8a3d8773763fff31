"""Limits over a real counter: two processes that share it, the edge of a window, a server that is away, and many addresses."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from headrace.api.auth import counters, limit
from headrace.api.auth.counters import Counters
from headrace.api.auth.limit import Limit
from headrace.api.edge.headers import answer_headers
from headrace.embedded.nats import EmbeddedNats
from headrace.errors import LogUnavailable
from headrace.identity.limits import Policy
from headrace.identity.secrets import Secrets
from headrace.identity_errors import TooManyRequests
from headrace.log import clock
from headrace.log.connection import Log
from headrace.log.opening import open_log
from tests.accounts import SECRET
from tests.unit.api.counters import OwnCounters, make_limits
from tests.unit.conftest import settings_for
from tests.waiting import until

SECRETS = Secrets([SECRET])
READS = Policy("reads", 300, 60)


class Time:
    """The time of both clocks, which stands still until it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        for module in (counters, limit):
            monkeypatch.setattr(module, "monotonic", lambda: self.now)
        monkeypatch.setattr(clock, "system_now", lambda: datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now))
        monkeypatch.setattr(clock, "_difference", clock._Difference())


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def alone(policy: Policy) -> tuple[Limit, OwnCounters]:
    counters = OwnCounters()
    return Limit(policy, cast("Counters", counters), "reads"), counters


async def taken(limit: Limit, who: str, attempts: int) -> int:
    """How many of some attempts are permitted."""
    permitted = 0
    for _ in range(attempts):
        try:
            if limit.take_nowait(who) is None:
                await limit.take(who)
            permitted += 1
        except TooManyRequests:
            pass
    return permitted


async def counting(log: Log, policy: Policy) -> Limit:
    """A limit as a process has it."""
    counters = Counters(log, SECRETS.hash)
    await counters.open()
    return Limit(policy, counters, "reads")


async def counted(log: Log) -> list[str]:
    """The counters that there are; none while NATS is away."""
    try:
        page = await log.replayer.page("hr.limits.>", stream="HEADRACE_LIMITS", records=1000)
    except LogUnavailable:
        return []
    return [record.subject for record in page.records]


async def test_two_processes_together_permit_the_limit_and_not_one_more(nats: EmbeddedNats, time: Time) -> None:
    async with open_log(settings_for(nats), "one") as one, open_log(settings_for(nats), "two") as two:
        both = [await counting(log, READS) for log in (one, two)]
        permitted = await asyncio.gather(*(taken(limit, "ada", 200) for limit in (*both, *both)))
        assert sum(permitted) == 300
        (subject,) = await counted(one)
        assert subject.startswith("hr.limits.reads.")
        assert "ada" not in subject
        # Everybody else has a limit of its own.
        assert await taken(both[0], "grace", 10) == 10


async def test_a_burst_around_the_end_of_a_window_gets_the_limit_of_each_window(time: Time) -> None:
    limit, _ = alone(READS)
    allowance = await limit.take("ada")
    time.now = allowance.ends_at - 0.001
    before = 1 + await taken(limit, "ada", 500)
    with pytest.raises(TooManyRequests) as refused:
        await limit.take("ada")
    assert (before, refused.value.retry_after) == (300, 1)
    time.now += 0.001
    assert await taken(limit, "ada", 500) == 300


async def test_permits_that_arrive_after_the_end_of_their_window_are_not_used_in_the_next(time: Time) -> None:
    limit, counters = alone(READS)
    allowance = await limit.take("ada")
    late = counters.add

    async def answer_late(allowance: Any, asked: int) -> int:
        found = await late(allowance, asked)
        time.now = max(time.now, ends_at)
        return found

    ends_at, counters.add = allowance.ends_at, answer_late
    allowance.permits = 0
    await limit.take("ada")
    assert sorted(counters.counts.values()) == [15, 30]
    assert allowance.permits == 14


async def test_a_portion_is_fetched_when_half_of_the_one_before_is_used_and_nobody_waits_for_it(time: Time) -> None:
    limit, counters = alone(READS)
    await limit.take("ada")
    for _ in range(200):
        assert limit.take_nowait("ada") is not None
        await asyncio.sleep(0)
    assert set(counters.asked) == {15}
    assert 13 <= len(counters.asked) <= 16


async def test_what_costs_more_is_permitted_as_a_whole_or_not_at_all(time: Time) -> None:
    limit, _ = alone(READS)
    await limit.take("ada", 250)
    with pytest.raises(
        TooManyRequests, match="this takes 60 more reads, and there are at most 300 reads in 60 seconds"
    ):
        await limit.take("ada", 60)
    await limit.take("ada", 50)
    with pytest.raises(TooManyRequests, match="there are at most 300 reads in 60 seconds; try again in"):
        await limit.take("ada")


async def test_a_limit_of_its_own_and_a_changed_one_hold_from_the_next_window_on(time: Time) -> None:
    limit, _ = alone(READS)
    limit.change(10, {"robot": 40})
    assert await taken(limit, "robot", 60) == 40
    assert await taken(limit, "ada", 60) == 10
    limit.change(20, {})
    assert await taken(limit, "ada", 60) == 0
    time.now += 60
    assert await taken(limit, "ada", 60) == 20


async def test_while_nats_is_away_each_process_limits_by_itself_and_then_counts_again(
    nats: EmbeddedNats, log: Log, time: Time
) -> None:
    limit = await counting(log, READS)
    assert await taken(limit, "ada", 100) == 100
    await nats.stop()
    assert await taken(limit, "ada", 300) == 200
    assert await taken(limit, "grace", 400) == 300
    assert log.problem is None
    await nats.start()

    async def is_counted() -> bool:
        time.now += 60
        assert await taken(limit, "ada", 400) == 300
        return bool(await counted(log))

    await until(is_counted, "what is counted again")


async def test_whoever_asks_while_a_reservation_ends_waits_for_the_next_one(time: Time) -> None:
    """To wait again for one that is done would take no turn of the loop, for ever."""
    limit, _ = alone(Policy("reads", 40, 60))

    async def ask(turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await taken(limit, "ada", 1)

    assert sum(await asyncio.gather(*(ask(number % 17) for number in range(200)))) == 40


async def test_a_limit_remembers_a_bounded_number_of_addresses(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.api.auth.limit.NAMES_MAX", 1_000)
    limit, _ = alone(Policy("registrations", 5, 3600))
    for number in range(100_000):
        limit.find(str(number))
    assert len(limit) == 1_000


async def test_the_answer_to_a_request_tells_the_limit_and_what_is_left_also_when_it_refuses(time: Time) -> None:
    made = make_limits(factor=1, reads=2)
    said: list[dict[bytes, bytes]] = []
    for method in ("GET", "HEAD", "POST"):
        scope: Any = {"type": "http", "method": method, "state": {}}
        await made.count(scope, "ada")
        said.append(dict(answer_headers(scope)))
    left = int(made.reads.find("ada").ends_at - time.now) + 1
    assert said[0] == {b"ratelimit-policy": b'"reads";q=2;w=60', b"ratelimit": b'"reads";r=1;t=%d' % left}
    assert said[1][b"ratelimit"] == b'"reads";r=0;t=%d' % left
    assert said[2][b"ratelimit-policy"] == b'"submissions";q=600;w=60'
    scope = {"type": "http", "method": "GET", "state": {}}
    with pytest.raises(TooManyRequests) as refused:
        await made.count(scope, "ada")
    assert refused.value.retry_after == left
    assert dict(answer_headers(scope)) == said[1]


async def test_a_batch_counts_by_its_tasks_and_attempts_to_sign_in_by_address(time: Time) -> None:
    made, batch = make_limits(factor=1), from_address("192.0.2.9")
    await made.count_batch(batch, "ada", 100)
    await made.count_batch(batch, "ada", 20_001)
    assert made.submissions.find("ada").permits % 30 == 0
    with pytest.raises(TooManyRequests, match="send fewer tasks at once"):
        await made.count_batch(batch, "ada", 60_000)
    here, there = (from_address(address) for address in ("192.0.2.1", "192.0.2.2"))
    for number in range(10):
        await made.count_sign_in(here, f"user {number}")
    with pytest.raises(TooManyRequests, match="at most 10 attempts to sign in"):
        await made.count_sign_in(here, "ada")
    await made.count_sign_in(there, "ada")


async def test_a_stranger_keeps_nobody_from_signing_in_and_strangers_guess_a_hundred_times_a_minute(time: Time) -> None:
    made = make_limits(factor=1)

    async def attempt(address: str, account: str = "Ada@example.com") -> None:
        await made.count_sign_in(from_address(address), account)

    # A network of IPv6 is one stranger. What is refused there takes nothing from the account.
    for number in range(10):
        await attempt(f"2001:db8::{number}")
    for number in range(200):
        with pytest.raises(TooManyRequests, match="at most 10 attempts to sign in"):
            await attempt(f"2001:db8::{number}")
    for number in range(9):
        for _ in range(10):
            await attempt(f"192.0.2.{number}", "ada@EXAMPLE.com ")
    with pytest.raises(TooManyRequests, match="at most 100 attempts to sign in to one account in 60 seconds"):
        await attempt("198.51.100.1")
    await attempt("198.51.100.1", "grace@example.com")


async def test_the_answers_to_a_batch_a_sign_in_and_a_registration_tell_what_is_left_after_them(time: Time) -> None:
    made, scope = make_limits(factor=1, submissions=50), from_address("192.0.2.1")
    await made.count(scope, "ada")
    await made.count_batch(scope, "ada", 1_000)
    assert said(scope) == '"submissions";r=40'
    with pytest.raises(TooManyRequests):
        await made.count_batch(scope, "ada", 5_000)
    assert said(scope) == '"submissions";r=40'
    # Somebody else tries to sign in to the account as well, which is not told.
    await made.count_sign_in(from_address("192.0.2.2"), "ada@example.com")
    await made.count_sign_in(scope, "ada@example.com")
    assert said(scope) == '"sign_ins";r=9'
    await made.count_registration(scope)
    assert said(scope) == '"registrations";r=4'


def from_address(address: str) -> Any:
    return {"type": "http", "method": "POST", "client": (address, 1), "state": {}}


def said(scope: Any) -> str:
    """What an answer says is left."""
    return dict(answer_headers(scope))[b"ratelimit"].decode().partition(";t=")[0]
