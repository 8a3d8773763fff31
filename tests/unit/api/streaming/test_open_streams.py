from __future__ import annotations

import asyncio
import re
import time

import pytest

from headrace.api.streaming import open_streams as streams_module
from headrace.api.streaming.frames import Frame
from headrace.api.streaming.metrics import Metrics
from headrace.api.streaming.open_streams import (
    HEARTBEAT_SECONDS,
    SLOW_SECONDS,
    STALLED_SECONDS,
    Streams,
)
from tests.unit.api.streaming.sending import PATIENCE_SECONDS, Served

LAG_CHUNK = Frame(1, "logged", b"data: 1\n\n", "t", "echo", None, 0.0)


@pytest.fixture
def streams() -> Streams:
    return Streams(Metrics())


def why(streams: Streams) -> dict[str, int]:
    return {reason: count for reason, count in streams.metrics.ends.items() if count}


RETRY = re.compile(rb"retry: (\d+)\n\n")


async def test_what_a_stream_says_is_sent_as_it_comes_and_the_response_ends_with_it(streams: Streams) -> None:
    served = Served(streams)
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")
    assert len(streams) == 1
    served.source.says(b"id: 2\n\n", None)
    await served.over()
    assert served.client.body == b"id: 1\n\nid: 2\n\n"
    assert served.client.ended
    assert served.client.status == 200
    assert served.client.headers["content-type"].startswith("text/event-stream")
    assert {**served.client.headers, "cache-control": "no-store", "x-accel-buffering": "no", "x-more": "1"} == (
        served.client.headers
    )
    assert "content-length" not in served.client.headers
    assert why(streams) == {"finished": 1}


async def test_a_stream_that_has_lived_long_enough_ends_with_a_word_about_coming_back(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "LIFETIME_SECONDS", 0.0)
    served = Served(streams)
    await served.over()
    assert RETRY.fullmatch(served.client.body)
    assert served.client.ended
    assert why(streams) == {"lifetime": 1}


async def test_those_that_came_together_do_not_leave_together(streams: Streams) -> None:
    lifetimes = [streams.opened(None)._ends_at for _ in range(200)]
    spread = max(lifetimes) - min(lifetimes)
    assert 0.1 * streams_module.LIFETIME_SECONDS < spread <= 0.2 * streams_module.LIFETIME_SECONDS + 1
    assert max(lifetimes) <= asyncio.get_running_loop().time() + streams_module.LIFETIME_SECONDS


@pytest.mark.invariant(8)
async def test_a_stream_ends_with_its_credentials_while_it_waits(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(streams_module, "time", lambda: now)
    served = Served(streams, credentials_end=now + 60)
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")
    look_at_all(streams)
    await asyncio.sleep(0)
    assert not served.sending.done()
    now += 60
    look_at_all(streams)
    await served.over()
    assert RETRY.fullmatch(served.client.body.removeprefix(b"id: 1\n\n"))
    assert why(streams) == {"credentials": 1}


async def test_draining_ends_all_streams_and_those_that_come_after_it(streams: Streams) -> None:
    before = [Served(streams) for _ in range(20)]
    for served in before:
        served.source.says(b"id: 1\n\n")
        await served.took(b"id: 1\n\n")
    streams.drain()
    later = Served(streams)
    told: set[int] = set()
    await asyncio.wait({served.sending for served in (*before, later)}, timeout=PATIENCE_SECONDS)
    for served in (*before, later):
        served.sending.result()
        found = RETRY.search(served.client.body)
        assert found is not None
        assert served.client.ended
        told.add(int(found[1]))
    assert len(streams) == 0
    assert why(streams) == {"drain": 21}
    assert len(told) > 10, "they come back spread"
    assert min(told) >= 200
    assert max(told) <= 5000


async def test_a_client_that_leaves_closes_what_was_sent_to_it(streams: Streams) -> None:
    served = Served(streams)
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")
    served.client.leave()
    await served.over()
    assert not served.client.ended
    assert why(streams) == {"left": 1}


async def test_a_client_that_leaves_while_it_is_sent_to_closes_that_as_well(streams: Streams) -> None:
    served = Served(streams)
    served.client.takes.clear()
    served.source.says(b"id: 1\n\n")
    await served.client.offered.wait()
    served.client.leave()
    await served.over()
    assert why(streams) == {"left": 1}


async def test_a_client_that_leaves_before_anything_was_sent_is_let_go(streams: Streams) -> None:
    served = Served(streams)
    served.client.leave()
    await served.over()
    assert why(streams) == {"left": 1}


async def test_a_client_that_leaves_a_stream_that_is_about_to_end_raises_nothing(streams: Streams) -> None:
    served = Served(streams)
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")
    served.client.takes.clear()
    served.client.offered.clear()
    streams.drain()
    await served.client.offered.wait()
    served.client.leave()
    await served.over()
    assert why(streams) == {"drain": 1}


async def test_a_client_that_takes_nothing_is_cut_off(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(streams_module, "STALLED_SECONDS", 0.05)
    watching = asyncio.create_task(streams.watch())
    served = Served(streams)
    served.client.takes.clear()
    served.source.says(b"id: 1\n\n")
    await served.over()
    assert not served.client.ended
    assert why(streams) == {"slow": 1}
    watching.cancel()


async def test_a_client_that_takes_its_time_is_not_cut_off_but_known_to_be_slow(streams: Streams) -> None:
    served = Served(streams)
    served.client.takes.clear()
    served.source.says(b"id: 1\n\n")
    await served.client.offered.wait()
    served.stream._began -= SLOW_SECONDS + 0.1
    look_at_all(streams, STALLED_SECONDS - SLOW_SECONDS - 1)
    served.client.takes.set()
    await served.took(b"id: 1\n\n")
    assert served.stream.slow
    served.source.says(b"id: 2\n\n")
    await served.took(b"id: 1\n\nid: 2\n\n")
    assert not served.stream.slow
    served.source.says(None)
    await served.over()


async def test_a_stream_is_woken_when_it_has_said_nothing_for_a_while_and_not_before(streams: Streams) -> None:
    served = Served(streams)
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")
    look_at_all(streams, HEARTBEAT_SECONDS - 1)
    assert served.source.wakes == 0
    look_at_all(streams, HEARTBEAT_SECONDS + 1)
    assert served.source.wakes == 1
    served.source.says(None)
    await served.over()


async def test_a_stream_that_is_being_taken_is_not_woken(streams: Streams) -> None:
    served = Served(streams)
    served.client.takes.clear()
    served.source.says(b"id: 1\n\n")
    await served.client.offered.wait()
    look_at_all(streams, HEARTBEAT_SECONDS + 1)
    assert served.source.wakes == 0
    served.client.takes.set()
    served.source.says(None)
    await served.over()


async def test_whoever_cancels_the_request_itself_is_not_swallowed(streams: Streams) -> None:
    served = Served(streams)
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")
    served.sending.cancel()
    await asyncio.wait({served.sending}, timeout=PATIENCE_SECONDS)
    assert served.sending.cancelled()
    assert served.source.closed.is_set()
    assert len(streams) == 0


@pytest.mark.parametrize("fails", ["source", "client"])
async def test_a_stream_that_fails_leaves_nothing_behind(streams: Streams, fails: str) -> None:
    served = Served(streams)
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")

    if fails == "client":
        served.client.fails = ConnectionError("broken")
        served.source.says(b"id: 2\n\n")
    else:
        served.source.says(ConnectionError("broken"))
    await asyncio.wait({served.sending}, timeout=PATIENCE_SECONDS)
    with pytest.raises(ConnectionError):
        served.sending.result()
    assert served.source.closed.is_set()
    assert len(streams) == 0


async def test_nothing_runs_on_when_a_stream_is_over(streams: Streams) -> None:
    before = asyncio.all_tasks()
    for leave in (True, False):
        served = Served(streams)
        served.source.says(b"id: 1\n\n")
        await served.took(b"id: 1\n\n")
        if leave:
            served.client.leave()
        else:
            served.source.says(None)
        await served.over()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while asyncio.all_tasks() - before:
            await asyncio.sleep(0)


async def test_how_old_what_is_sent_is_goes_to_the_metrics(streams: Streams) -> None:
    stream = streams.opened(None)
    stream.carries([LAG_CHUNK._replace(at=time.time() - 0.2), LAG_CHUNK])
    stream.carries([LAG_CHUNK._replace(at=time.time() + 60)])  # the clock of the log is ahead of ours
    assert dict(streams.metrics.lags)["0.001"] == 1
    assert dict(streams.metrics.lags)["0.1"] == 1
    assert dict(streams.metrics.lags)["+Inf"] == 2
    streams.closed(stream)


def look_at_all(streams: Streams, seconds_later: float = 0.0) -> None:
    """As `Streams.watch` does, so many seconds from now."""
    for stream in list(streams._open):
        stream.look(asyncio.get_running_loop().time() + seconds_later)
