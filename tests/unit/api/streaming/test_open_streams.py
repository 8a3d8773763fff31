from __future__ import annotations

import asyncio
import json
import re
import time

import msgspec
import pytest

from headrace.api.streaming import open_streams as streams_module
from headrace.api.streaming.frames import Frame
from headrace.api.streaming.metrics import StreamMetrics
from headrace.api.streaming.open_streams import (
    HEARTBEAT_SECONDS,
    SLOW_SECONDS,
    STALLED_SECONDS,
    OpenStreams,
)
from headrace.api.streaming.places import Places
from headrace.api.streaming.response import StreamResponse
from headrace.api.streaming.viewer import Viewer
from headrace.contracts.frames import ByeReason
from headrace.contracts.identity import Role, UserState
from headrace.identity.principals import Principal
from headrace.identity.revocations import Change, UserChanged
from headrace.identity_errors import TooManyRequests
from tests.unit.api.streaming.stream_steps import ANYBODY, PATIENCE_SECONDS, Served, Source

LAG_CHUNK = Frame(1, "logged", b"data: 1\n\n", "t", "echo", None, 0.0)


@pytest.fixture
def streams() -> OpenStreams:
    return OpenStreams(StreamMetrics())


def why(streams: OpenStreams) -> dict[str, int]:
    return {reason: count for reason, count in streams.metrics.ends.items() if count}


RETRY = re.compile(rb"retry: (\d+)\n\n")


async def test_a_stream_that_has_lived_long_enough_ends_with_a_word_about_coming_back(
    streams: OpenStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams_module, "LIFETIME_SECONDS", 0.0)
    served = Served(streams)
    await served.over()
    assert RETRY.fullmatch(served.client.body)
    assert served.client.ended
    assert why(streams) == {"lifetime": 1}


def bye(last_words: bytes) -> str:
    """The reason with which a stream ends whose client may not see it any more; it says nothing but that."""
    said, _, data = last_words.partition(b"\n")[2].partition(b"\n\n")[0].partition(b": ")
    assert (last_words[:11], said) == (b"event: bye\n", b"data")
    assert RETRY.fullmatch(last_words.partition(b"\n\n")[2])
    return json.loads(data)["reason"]


async def test_those_that_came_together_do_not_leave_together(streams: OpenStreams) -> None:
    lifetimes = [streams.add(lambda: None, ANYBODY)._ends_at for _ in range(200)]
    spread = max(lifetimes) - min(lifetimes)
    assert 0.1 * streams_module.LIFETIME_SECONDS < spread <= 0.2 * streams_module.LIFETIME_SECONDS + 1
    assert max(lifetimes) <= asyncio.get_running_loop().time() + streams_module.LIFETIME_SECONDS


@pytest.mark.invariant(8)
async def test_a_stream_ends_with_its_credentials_while_it_waits(
    streams: OpenStreams, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    monkeypatch.setattr(streams_module, "time", lambda: now)
    served = Served(streams, Viewer("ada", now + 60))
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")
    check_all(streams)
    await asyncio.sleep(0)
    assert not served.sending.done()
    now += 60
    check_all(streams)
    await served.over()
    assert bye(served.client.body.removeprefix(b"id: 1\n\n")) == "expired"
    assert why(streams) == {"credentials": 1}


ADA, GRACE = (
    Principal(id=name, role=Role.MEMBER, scopes=frozenset(), credential=f"key:{name}1") for name in ("ada", "grace")
)
AT = 1_800_000_000.0


@pytest.mark.invariant(8)
@pytest.mark.parametrize(
    ("change", "ended"),
    [
        (Change(credential="key:ada1"), {"ada": "revoked"}),
        (Change(credential="key:ada2"), {}),
        (Change(credential="session:ada3"), {"session of ada": "signed_out"}),
        (
            Change(user="ada", to=UserChanged(UserState.DISABLED, Role.MEMBER, AT)),
            dict.fromkeys(("ada", "session of ada", "link of ada"), "disabled"),
        ),
        (
            Change(user="ada", to=UserChanged(UserState.ACTIVE, Role.ADMIN, AT)),
            dict.fromkeys(("ada", "session of ada"), "role_changed"),
        ),
        (Change(user="ada", to=UserChanged(UserState.ACTIVE, Role.MEMBER, AT)), {}),
    ],
    ids=["its key", "another key", "its session", "its account is disabled", "another role", "no difference"],
)
async def test_a_revocation_ends_the_streams_that_it_concerns_and_nothing_is_sent_after_it_but_why(
    streams: OpenStreams, change: Change, ended: dict[str, str]
) -> None:
    served = {
        "ada": Served(streams, Viewer.of(ADA)),
        "grace": Served(streams, Viewer.of(GRACE)),
        "session of ada": Served(streams, Viewer.of(msgspec.structs.replace(ADA, credential="session:ada3"))),
        "link of ada": Served(streams, Viewer("ada", time.time() + 60)),
    }
    for each in served.values():
        each.source.says(b"id: 1\n\n")
        await each.took(b"id: 1\n\n")
    streams.on_change(change)
    for each in served.values():
        each.source.says(b"id: 2\n\n")
        each.source.says(None)
    await asyncio.wait({each.sending for each in served.values()}, timeout=PATIENCE_SECONDS)
    for name, each in served.items():
        rest = each.client.body.removeprefix(b"id: 1\n\n")
        assert bye(rest) == ended[name] if name in ended else rest == b"id: 2\n\n"
    finished = {"finished": len(served) - len(ended)}
    assert why(streams) == finished | ({"credentials": len(ended)} if ended else {})


async def test_a_credential_that_is_revoked_while_its_stream_opens_sees_nothing() -> None:
    streams = OpenStreams(StreamMetrics(), lambda viewer: ByeReason.REVOKED if viewer.account == "ada" else None)
    served = Served(streams, Viewer.of(ADA))
    served.source.says(b"id: 1\n\n")
    await served.over()
    assert bye(served.client.body) == "revoked"
    assert why(streams) == {"credentials": 1}


async def test_an_account_has_a_bounded_number_of_streams_and_links_to_what_it_owns_do_not_count() -> None:
    streams = OpenStreams(StreamMetrics(), places=Places(lambda account: 2 if account == "ada" else 1))
    served = [Served(streams, Viewer.of(ADA)) for _ in range(2)]
    refused = Source()
    with pytest.raises(TooManyRequests, match="this account may have 2 event streams open at a time"):
        StreamResponse(streams, refused, Viewer.of(ADA))
    assert refused.closed.is_set()
    served += [Served(streams, Viewer("ada", time.time() + 60)) for _ in range(5)]
    served.append(Served(streams, Viewer.of(GRACE)))
    served[0].source.says(None)
    await asyncio.wait({served[0].sending})
    served.append(Served(streams, Viewer.of(ADA)))
    for each in served:
        each.source.says(None)
    await asyncio.wait({each.sending for each in served})
    assert len(streams) == 0
    assert not streams.places._open


async def test_draining_ends_all_streams_and_those_that_come_after_it(streams: OpenStreams) -> None:
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


async def test_a_client_that_takes_nothing_is_cut_off(streams: OpenStreams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams_module, "CHECK_SECONDS", 0.01)
    monkeypatch.setattr(streams_module, "STALLED_SECONDS", 0.05)
    watching = asyncio.create_task(streams.watch())
    served = Served(streams)
    served.client.takes.clear()
    served.source.says(b"id: 1\n\n")
    await served.over()
    assert not served.client.ended
    assert why(streams) == {"slow": 1}
    watching.cancel()


async def test_a_client_that_takes_its_time_is_not_cut_off_but_known_to_be_slow(streams: OpenStreams) -> None:
    served = Served(streams)
    served.client.takes.clear()
    served.source.says(b"id: 1\n\n")
    await served.client.offered.wait()
    assert served.stream._write_started_at is not None
    served.stream._write_started_at -= SLOW_SECONDS + 0.1
    check_all(streams, STALLED_SECONDS - SLOW_SECONDS - 1)
    served.client.takes.set()
    await served.took(b"id: 1\n\n")
    assert served.stream.is_slow
    served.source.says(b"id: 2\n\n")
    await served.took(b"id: 1\n\nid: 2\n\n")
    assert not served.stream.is_slow
    served.source.says(None)
    await served.over()


async def test_a_stream_is_woken_when_it_has_said_nothing_for_a_while_and_not_before(streams: OpenStreams) -> None:
    served = Served(streams)
    served.source.says(b"id: 1\n\n")
    await served.took(b"id: 1\n\n")
    check_all(streams, HEARTBEAT_SECONDS - 1)
    assert served.source.wakes == 0
    check_all(streams, HEARTBEAT_SECONDS + 1)
    assert served.source.wakes == 1
    served.source.says(None)
    await served.over()


async def test_a_stream_that_is_being_taken_is_not_woken(streams: OpenStreams) -> None:
    served = Served(streams)
    served.client.takes.clear()
    served.source.says(b"id: 1\n\n")
    await served.client.offered.wait()
    check_all(streams, HEARTBEAT_SECONDS + 1)
    assert served.source.wakes == 0
    served.client.takes.set()
    served.source.says(None)
    await served.over()


async def test_how_old_what_is_sent_is_goes_to_the_metrics(streams: OpenStreams) -> None:
    stream = streams.add(lambda: None, ANYBODY)
    stream.record_delay([LAG_CHUNK._replace(at=time.time() - 0.2), LAG_CHUNK])
    stream.record_delay([LAG_CHUNK._replace(at=time.time() + 60)])  # the clock of the log is ahead of ours
    assert dict(streams.metrics.delays.buckets)["0.001"] == 1
    assert dict(streams.metrics.delays.buckets)["0.1"] == 1
    assert dict(streams.metrics.delays.buckets)["+Inf"] == 2
    streams.remove(stream)


def check_all(streams: OpenStreams, seconds_later: float = 0.0) -> None:
    """As `OpenStreams.watch` does, so many seconds from now."""
    for stream in list(streams._open):
        stream.check(asyncio.get_running_loop().time() + seconds_later)
