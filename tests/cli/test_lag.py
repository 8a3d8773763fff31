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

from headrace.cli.terminal.durations import span
from headrace.cli.terminal.lag import columns, hints, reading, show
from headrace.cli.terminal.lag.columns import table
from headrace.cli.terminal.lag.hints import Situation, find_state, reader_state
from headrace.cli.terminal.lag.percentiles import Percentiles, nothing_known
from headrace.cli.terminal.lag.reading import Observed, Observer
from headrace.cli.terminal.lag.rows import Row, rows_of
from headrace.client import Client
from headrace.errors import LogUnavailable
from headrace.log.announcements import Announcement
from headrace.log.connection import Log
from headrace.log.deferred import AllDeferred, Deferred
from headrace.log.lane_states import Flow, LaneState, lane_state
from tests.cli.conftest import Shell, Up, read_to_the_end
from tests.conftest import MakeCluster
from tests.waiting import until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACK_WAIT = 30.0


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


def lane(kind: str | None = "echo", priority: str | None = "normal", **differing: Any) -> LaneState:
    values: dict[str, Any] = {
        "durable": kind and (f"run-{kind}-{priority}" if priority else f"run-{kind}"),
        "kind": kind,
        "priority": priority,
        "queued": 0,
        "oldest_at": None,
        "running": 0,
        "running_max": 10,
        "redelivered": 0,
        "pulls": 0,
        "paused": False,
        "ack_wait": ACK_WAIT,
        "idle_seconds": None,
        "asked_at": NOW,
    }
    return LaneState(**values | differing)


def situation(*lanes: LaneState, oldest: float | None = 1.0, announced: float | None = 5.0, **more: Any) -> Situation:
    announcement = Announcement(at=NOW, concurrency=None, rate=more.get("rate"))
    return Situation("echo", lanes, oldest, announcement, announced, more.get("flow"))


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (situation(lane()), None),
        (situation(lane(queued=5, pulls=1)), None),
        (situation(lane(queued=5)), "no workers"),
        (situation(lane(queued=5, running=8)), "busy"),
        (situation(lane(queued=5, running=8), oldest=31), "slow"),
        (situation(lane(queued=5, running=8), lane(pulls=1, priority="high")), "busy"),
        (situation(lane(running=8), announced=59), None),
        (situation(lane(running=8), announced=61), "no workers"),
        (situation(lane(queued=5, running=8), announced=61), "no workers"),
        (situation(lane(running=8), lane(pulls=1, priority="high"), announced=61), None),
        (situation(lane(queued=5, running=8), announced=None), "busy"),
        (situation(lane(queued=5, running=10, pulls=1)), "stalled"),
        (situation(lane(queued=5, running=10, pulls=1, priority=None)), "at its limit"),
        (situation(lane(queued=0, running=10, pulls=1, priority=None)), None),
        (situation(lane(queued=5, paused=True)), "paused"),
        (situation(announced=1e6), None),
    ],
)
def test_it_says_what_is_wrong(found: Situation, state: str | None) -> None:
    assert find_state(found).word == state


def test_a_reader_that_asks_for_nothing_does_not_run() -> None:
    reader = {"kind": None, "durable": "projector", "priority": None}
    assert reader_state(lane(**reader, pulls=1)).word is None
    assert reader_state(lane(**reader, idle_seconds=3.0)).word is None, "between two requests"
    assert reader_state(lane(**reader, idle_seconds=20.0, running=500)).word == "not running"
    assert "`nats consumer resume HEADRACE projector`" in str(reader_state(lane(**reader, pulls=1, paused=True)).hint)
    assert "the read model stands still" in str(reader_state(lane(**reader)).hint)


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


def test_a_slow_kind_is_told_with_what_arrives_and_what_starts() -> None:
    flow = Flow(seconds=300, queued=600, started=300)
    said = find_state(situation(lane(queued=900, running=8), oldest=200, flow=flow, rate=1.0)).hint
    assert said == (
        "slow: the oldest queued task has waited 3 min; 120 a minute are queued and 60 start; add workers; "
        "its rate is 1 a second"
    )
    flow = Flow(seconds=300, queued=0, started=300)
    said = find_state(situation(lane(queued=900, running=8), oldest=200, flow=flow)).hint
    assert said is not None
    assert said.endswith("done in about 15 min")


def test_what_was_delivered_again_is_told_although_nothing_else_is_wrong() -> None:
    state = find_state(situation(lane(running=3, redelivered=1, pulls=2)))
    assert state.word is None
    assert state.hint == "1 task is delivered again: a worker ended, or did not answer for 30 s"


def observed(*lanes: LaneState, **differing: Any) -> Observed:
    nothing = AllDeferred(by_lane={}, is_complete=True)
    return Observed(list(lanes), **{"announced": {}, "deferred": nothing, "flows": {}, "percentiles": {}} | differing)


def test_the_lanes_of_a_kind_are_folded_to_one_row() -> None:
    deferred = AllDeferred(
        by_lane={
            ("echo", "high"): Deferred(count=1, next_due_at=NOW),
            ("echo", "low"): Deferred(count=2, next_due_at=NOW - timedelta(1)),
        },
        is_complete=False,
    )
    found = observed(
        *(
            lane(priority="high", queued=1, pulls=2, oldest_at=NOW - timedelta(seconds=2)),
            lane(priority="low", queued=3, running=1, oldest_at=NOW - timedelta(seconds=9)),
            lane(None, durable="mine"),
        ),
        announced={"echo": Announcement(at=NOW - timedelta(seconds=4), concurrency=None, rate=None)},
        deferred=deferred,
        percentiles={"echo": Percentiles(wait_p50=0.1, wait_p95=1.0)},
    )
    (row,) = rows_of(found)
    assert (row.queued, row.running, row.pulls, row.oldest_queued_seconds) == (4, 1, 2, 9.0)
    assert (row.deferred, row.next_due_at, row.deferred_is_complete) == (3, NOW - timedelta(1), False)
    assert (row.announced_seconds, row.wait_p95_seconds, row.run_p50_seconds) == (4.0, 1.0, None)
    high, low = rows_of(found, lanes=True)
    assert (high.priority, high.queued, high.deferred, low.priority, low.queued) == ("high", 1, 1, "low", 3)
    assert [each.name for each in rows_of(found, others=True)] == ["echo", "mine"]


def test_a_kind_that_was_announced_and_has_no_consumers_has_a_row() -> None:
    announced = {"gone": Announcement(at=NOW, concurrency=None, rate=None)}
    (row,) = rows_of(observed(announced=announced))
    assert (row.name, row.state, row.queued) == ("gone", None, 0)


def test_a_narrow_terminal_is_told_what_it_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(observed(lane(queued=1), announced={}))
    monkeypatch.setattr(columns, "output_width", lambda: 80)
    shown = table(rows)
    assert max(map(len, shown.splitlines())) <= 80
    assert "state" in shown
    assert "not shown in 80 columns: " in shown
    monkeypatch.setattr(columns, "output_width", lambda: 200)
    assert "not shown" not in table(rows)


def test_the_last_activity_is_a_delivery_or_an_acknowledgement_by_the_servers_clock() -> None:
    assert lane_state(_info(), None).idle_seconds is None
    active = {
        "delivered": {"last_active": "2026-01-01T00:00:00.123456789Z"},
        "ack_floor": {"last_active": "2026-01-01T00:00:07Z"},
    }
    found = lane_state(_info(**active), NOW)
    assert (found.idle_seconds, found.oldest_at) == (3, NOW)
    assert (found.kind, found.priority, found.ack_wait) == ("shout", "low", 30)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        *((0, "0 ms"), (0.0123, "12 ms"), (0.9996, "1 s"), (1.54, "1.5 s"), (12.4, "12 s"), (59.6, "1 min")),
        *((3569, "59 min"), (3599, "1 h"), (9000, "2.5 h"), (86_399, "1 d"), (400 * 86_400, "400 d")),
    ],
)
def test_a_time_span_is_told_in_its_largest_unit(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def test_every_field_of_the_json_has_a_stable_name() -> None:
    assert Row.__struct_fields__ == (
        *("name", "of", "priority", "state", "hint", "queued", "oldest_queued_seconds", "running"),
        *("deferred", "deferred_is_complete", "next_due_at", "redelivered", "pulls", "paused"),
        *("announced_at", "announced_seconds"),
        *("wait_p50_seconds", "wait_p95_seconds", "run_p50_seconds", "run_p95_seconds"),
    )


def _info(**differing: Any) -> dict[str, Any]:
    none: dict[str, Any] = {"num_pending": 0, "num_ack_pending": 0, "num_redelivered": 0, "num_waiting": 0}
    config = {"max_ack_pending": 10, "ack_wait": 30_000_000_000}
    described = {"name": "run-shout-low", "config": config, "delivered": {}, "ack_floor": {}}
    return {**none, **described, "ts": "2026-01-01T00:00:10Z", **differing}
