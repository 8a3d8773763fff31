from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.terminal.lag import lag_of
from headrace.client import Client
from tests.cli.conftest import Shell, Up
from tests.waiting import until


async def test_kinds_are_listed_with_what_limits_them(up: Up) -> None:
    done = await up.shell.run("kinds")
    assert (done.code, done.err) == (0, "")
    lines = [line.split("  ") for line in done.out.splitlines()]
    assert [
        [cell.strip() for cell in line if cell.strip()]
        for line in lines
        if line[0] in ("narrate", "pass_gate", "shout")
    ] == [
        ["narrate", "A text to do something with.", "10 s", "1", "20 at a time, 100 a second", "yes"],
        ["pass_gate", "A file that somebody else makes.", "60 s", "1", "yes"],
        ["shout", "A text to do something with.", "10 s", "3", "yes"],
    ]


async def test_kinds_as_json_have_their_schemas(up: Up) -> None:
    done = await up.shell.run("kinds", "--json", "--url", up.url + "/")
    kinds = json.loads(done.out)
    assert [kind["name"] for kind in kinds] == ["break_down", "narrate", "pass_gate", "shout"]
    assert kinds[3]["input_schema"]["$defs"]["Text"]["required"] == ["text"]


async def test_a_kind_is_paused_and_resumed(up: Up, client: Client) -> None:
    async def shown() -> tuple[str, set[str | None]]:
        rows = (await up.shell.run("kinds")).out.splitlines()
        lags = json.loads((await up.shell.run("lag", "--json")).out)
        hints = {lag["hint"] for lag in lags if lag["consumer"].startswith("run-break_down-") and lag["paused"]}
        return next(row for row in rows if row.startswith("break_down")).rstrip().rpartition("  ")[2], hints

    done = await up.shell.run("pause", "break_down")
    assert (done.code, done.out, done.err) == (0, "break_down paused\n", "")
    assert await shown() == ("yes, paused", {"paused"})
    task = await client.submit("break_down", {"text": "later"})
    assert (await client.get(task.id)).state == "queued"
    done = await up.shell.run("resume", "break_down")
    assert (done.code, done.out, done.err) == (0, "break_down resumed\n", "")
    assert await shown() == ("yes", set())
    assert (await client.get(task.id, wait=20)).state == "failed"


async def test_a_kind_that_is_not_there_cannot_be_paused(up: Up) -> None:
    done = await up.shell.run("pause", "brake_down")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("kind_not_found: there is no kind 'brake_down'; known kinds: break_down, narrate, ")


async def test_lag_shows_each_reader_and_what_it_has_in_flight(up: Up, client: Client, place: Path) -> None:
    task = await client.submit("pass_gate", {"path": str(place / "gate")})

    async def in_flight() -> bool:
        lags = {lag["consumer"]: lag for lag in json.loads((await up.shell.run("lag", "--json")).out)}
        assert list(lags) == sorted(lags)
        assert {"projector", "run-pass_gate-normal", "run-shout-high"} <= lags.keys()
        return lags["run-pass_gate-normal"]["in_flight"] == 1

    await until(in_flight, "the delivery")
    table = (await up.shell.run("lag")).out
    assert table.splitlines()[0].split() == [
        "consumer",
        "waiting",
        "in",
        "flight",
        "redelivered",
        "pulls",
        "last",
        "activity",
        "hint",
    ]
    (line,) = (line.split() for line in table.splitlines() if line.startswith("run-pass_gate-normal"))
    assert line[1:4] == ["0", "1", "0"]
    (place / "gate").touch()
    assert await client.result(task.id) == "passed"


@pytest.mark.parametrize(
    ("numbers", "hint"),
    [
        ({}, None),
        ({"num_pending": 5, "num_waiting": 1}, None),
        ({"num_pending": 5}, "no workers"),
        ({"num_pending": 5, "name": "projector"}, "not running"),
        ({"num_pending": 5, "num_ack_pending": 8}, "busy"),
        ({"num_pending": 5, "num_ack_pending": 10, "num_waiting": 1}, "stalled"),
        ({"num_pending": 5, "num_ack_pending": 10, "num_waiting": 1, "name": "run-shout"}, "full"),
        ({"num_pending": 5, "paused": True}, "paused"),
    ],
)
def test_lag_says_what_is_wrong(numbers: dict[str, Any], hint: str | None) -> None:
    assert lag_of(_consumer(**numbers)).hint == hint


def test_the_last_activity_is_a_delivery_or_an_acknowledgement_by_the_servers_clock() -> None:
    assert lag_of(_consumer()).idle is None
    lag = lag_of(
        _consumer(
            delivered={"last_active": "2026-01-01T00:00:00.123456789Z"},
            ack_floor={"last_active": "2026-01-01T00:00:07Z"},
        )
    )
    assert lag.idle == 3


async def test_an_api_that_is_not_there_is_named(place: Path) -> None:
    done = await Shell({"HEADRACE_HOME": str(place), "HEADRACE_URL": "http://127.0.0.1:1"}).run("kinds")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("nothing answers at http://127.0.0.1:1 ")


def _consumer(**numbers: Any) -> dict[str, Any]:
    none: dict[str, Any] = {"num_pending": 0, "num_ack_pending": 0, "num_redelivered": 0, "num_waiting": 0}
    described = {"name": "run-shout-low", "config": {"max_ack_pending": 10}, "delivered": {}, "ack_floor": {}}
    return {**none, **described, "ts": "2026-01-01T00:00:10Z", **numbers}
