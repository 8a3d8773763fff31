from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from headrace.cli.terminal.lag import show
from headrace.client import Client
from headrace.errors import LogUnavailable
from headrace.lag import hints, reading
from headrace.lag.percentiles import Percentiles, nothing_known
from headrace.lag.reading import Observer
from headrace.log.announcements import Announcement
from headrace.log.connection import Log
from headrace.log.deferred import AllDeferred
from headrace.log.lane_states import LaneState
from tests.cli.conftest import Shell, Up, read_to_the_end
from tests.cli.lanes import lane, observed
from tests.conftest import MakeCluster
from tests.waiting import until


async def test_a_killed_a_slow_and_a_paused_kind_are_found(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A kind is given up after the interval of announcements and the wait for an acknowledgement, which is short here.
    monkeypatch.setattr(hints, "ANNOUNCE_SECONDS", 2.0)
    monkeypatch.setattr(hints, "SLOW_SECONDS", 1.0)
    cluster = await make_cluster(HEADRACE_WORKER_SLOTS="3", HEADRACE_STREAM_ACK_WAIT="1")
    shell = Shell(cluster.environ)

    async def shown() -> dict[str, Any]:
        done = await shell.call("lag", "--json")
        assert done.code == 0, done.err
        return {each["name"]: each for each in json.loads(done.out)}

    await cluster.start("api", "projector")
    waiting, slow = (
        await cluster.spawn("worker", "wait"),
        await cluster.spawn("worker", "until_cancelled_async", "noop"),
    )
    for worker in (waiting, slow):
        await worker.until_logged("running")
    await cluster.until_kinds_known()
    await cluster.http.put("/api/v1/kinds/noop/pause")
    await cluster.submit("noop")
    for number in range(5):
        await cluster.submit("wait", name=f"never-{number}")
        await cluster.submit("until_cancelled_async", name=f"never-{number}")

    async def is_running() -> bool:
        return (await shown())["wait"]["running"] > 0

    await until(is_running, "the tasks that are lost")
    waiting.process.send_signal(signal.SIGKILL)
    await waiting.exited()

    async def is_found() -> bool:
        found = await shown()
        return [found[kind]["state"] for kind in ("wait", "until_cancelled_async", "noop")] == [
            "no workers",
            "slow",
            "paused",
        ]

    await until(is_found, "what is wrong")
    said = (await shell.call("lag")).out
    assert "a worker that runs wait" in said
    assert "until_cancelled_async: slow: the oldest queued task has waited " in said
    assert "`headrace resume noop` lets it go on" in said
    slow.process.send_signal(signal.SIGKILL)


async def test_each_kind_has_a_line_with_what_runs_and_what_is_due_later(up: Up, client: Client, place: Path) -> None:
    task = await client.submit("pass_gate", {"path": str(place / "gate")})
    later = await client.submit("pass_gate", {"path": str(place / "gate")}, delay=3600)

    async def in_flight() -> bool:
        done = await up.shell.call("lag", "--json", "--lanes")
        lanes = {(each["name"], each["priority"]): each for each in json.loads(done.out)}
        assert {("projector", None), ("firings", None), ("shout", "high"), ("pass_gate", "low")} <= lanes.keys()
        return lanes["pass_gate", "normal"]["running"] == 1

    await until(in_flight, "the delivery")
    rows = {each["name"]: each for each in json.loads((await up.shell.call("lag", "--json")).out)}
    gate = rows["pass_gate"]
    assert (gate["queued"], gate["running"], gate["deferred"], gate["priority"]) == (0, 1, 1, None)
    assert datetime.fromisoformat(gate["next_due_at"]) > datetime.now(UTC) + timedelta(minutes=59)
    assert 0 <= gate["announced_seconds"] < 60
    assert [name for name, row in rows.items() if row["of"] == "kind"] == [
        "break_down",
        "narrate",
        "pass_gate",
        "shout",
        "word_count",
    ]
    head, _, *lines = (await up.shell.call("lag")).out.splitlines()
    assert head.split()[:5] == ["kind", "state", "queued", "oldest", "running"]
    assert [line.split()[0] for line in lines if line and ":" not in line] == [*rows]
    (place / "gate").touch()
    assert await client.result(task.id) == "passed"
    await client.cancel(later.id)


async def test_who_watches_sees_it_again_in_the_same_place_until_ctrl_c(up: Up) -> None:
    parent, child = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *("python", "-m", "headrace", "lag", "--watch"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=child,
        env=up.shell.environ | {"COLUMNS": "80", "LINES": "24"},
    )
    os.close(child)
    shown = b""
    while shown.count(b"Ctrl-C ends") < 2:
        shown += await asyncio.to_thread(os.read, parent, 4096)
    process.send_signal(signal.SIGINT)
    shown += (await asyncio.to_thread(read_to_the_end, parent)).encode()
    assert await process.wait() == 0
    _, first, *_ = shown.decode().replace("\r\n", "\n").split("\x1b[H\x1b[J")
    first = re.sub(r"\x1b\[[\d;]*m", "", first)
    assert "again every 2 s" in first
    assert max(map(len, first.splitlines())) <= 80
    assert "projector" in first


async def test_who_watches_is_told_of_a_log_that_is_away_and_goes_on(up: Up, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = [LogUnavailable("it is away"), observed(lane(pulls=1)), KeyboardInterrupt()]

    class Flaky:
        def __init__(self, *_: object) -> None:
            pass

        async def observe(self) -> object:
            found = seen.pop(0)
            if isinstance(found, BaseException):
                raise found
            return found

    monkeypatch.setattr(show, "Observer", Flaky)
    monkeypatch.setattr(show, "WATCH_SECONDS", 0)
    done = await up.shell.call("lag", "--watch")
    assert (done.code, seen) == (0, [])
    assert done.out.index("it is away") < done.out.index("echo")


async def test_a_reader_between_two_requests_is_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = lane(None, durable="projector", priority=None)
    looks = [[reader, lane(running=1)], [reader, lane()], [msgspec.structs.replace(reader, pulls=1), lane()]]

    async def read(_: Log) -> list[LaneState]:
        return looks.pop(0)

    async def nothing(_: Log) -> AllDeferred:
        return AllDeferred(by_lane={}, is_complete=True)

    async def no_kinds(_: Log) -> dict[str, Announcement]:
        return {}

    monkeypatch.setattr(reading, "read_lanes", read)
    monkeypatch.setattr(reading, "read_deferred", nothing)
    monkeypatch.setattr(reading, "read_announcements", no_kinds)
    monkeypatch.setattr(reading, "SECOND_LOOK_SECONDS", 0)
    observer = Observer(cast("Log", None), nothing_known)
    assert [each.pulls for each in (await observer.observe()).lanes] == [0, 0], "it is gone"
    looks[0] = [reader, lane()]
    looks.append([msgspec.structs.replace(reader, pulls=1), lane()])
    assert [each.pulls for each in (await observer.observe()).lanes] == [1, 0]


async def test_nothing_is_asked_of_the_log_while_the_read_model_is_opened_and_the_loop_maybe_held_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened: list[str] = []

    async def no_lanes(_: Log) -> list[LaneState]:
        return []

    async def no_kinds(_: Log) -> dict[str, Announcement]:
        return {}

    async def nothing(_: Log) -> AllDeferred:
        happened.append("the log is asked")
        return AllDeferred(by_lane={}, is_complete=True)

    async def slowly() -> dict[str, Percentiles]:
        happened.append("the read model is opened")
        await asyncio.sleep(0)
        happened.append("it is read")
        return {}

    monkeypatch.setattr(reading, "read_lanes", no_lanes)
    monkeypatch.setattr(reading, "read_announcements", no_kinds)
    monkeypatch.setattr(reading, "read_deferred", nothing)
    await Observer(cast("Log", None), slowly).observe()
    assert happened == ["the read model is opened", "it is read", "the log is asked"]
