from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from headrace.api.streaming.metrics import StreamMetrics
from headrace.api.streaming.open_streams import (
    OpenStreams,
)
from headrace.api.streaming.response import StreamResponse
from tests.unit.api.streaming.stream_steps import ANYBODY, PATIENCE_SECONDS, Served


@pytest.fixture
def streams() -> OpenStreams:
    return OpenStreams(StreamMetrics())


def why(streams: OpenStreams) -> dict[str, int]:
    return {reason: count for reason, count in streams.metrics.ends.items() if count}


async def test_what_a_stream_says_is_sent_as_it_comes_and_the_response_ends_with_it(streams: OpenStreams) -> None:
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
    assert {**served.client.headers, "x-accel-buffering": "no", "x-more": "1"} == (served.client.headers)
    assert "content-length" not in served.client.headers
    assert why(streams) == {"finished": 1}


async def test_a_client_that_leaves_closes_what_was_sent_to_it(streams: OpenStreams) -> None:
    served = Served(streams)
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")
    served.client.leave()
    await served.over()
    assert not served.client.ended
    assert why(streams) == {"left": 1}


async def test_a_client_that_leaves_while_it_is_sent_to_closes_that_as_well(streams: OpenStreams) -> None:
    served = Served(streams)
    served.client.takes.clear()
    served.source.says(b"id: 1\n\n")
    await served.client.offered.wait()
    served.client.leave()
    await served.over()
    assert why(streams) == {"left": 1}


async def test_a_client_that_leaves_before_anything_was_sent_is_let_go(streams: OpenStreams) -> None:
    served = Served(streams)
    served.client.leave()
    await served.over()
    assert why(streams) == {"left": 1}


async def test_a_client_that_leaves_a_stream_that_is_about_to_end_raises_nothing(streams: OpenStreams) -> None:
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


async def test_whoever_cancels_the_request_itself_is_not_swallowed(streams: OpenStreams) -> None:
    served = Served(streams)
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")
    served.sending.cancel()
    await asyncio.wait({served.sending}, timeout=PATIENCE_SECONDS)
    assert served.sending.cancelled()
    assert served.source.closed.is_set()
    assert len(streams) == 0


async def test_a_request_that_is_cancelled_before_its_stream_begins_follows_nothing_any_more(
    streams: OpenStreams,
) -> None:
    served = Served(streams)
    served.sending.cancel()
    response: Any = StreamResponse(streams, served.source, ANYBODY).to_asgi_response(None, SimpleNamespace())  # type: ignore[arg-type]

    async def send(_message: Any) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await response({"type": "http", "state": {}}, served.client.receive, send)
    assert served.source.closed.is_set()
    assert len(streams) == 0


@pytest.mark.parametrize("fails", ["source", "client"])
async def test_a_stream_that_fails_leaves_nothing_behind(streams: OpenStreams, fails: str) -> None:
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


async def test_nothing_runs_on_when_a_stream_is_over(streams: OpenStreams) -> None:
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
