from __future__ import annotations

import json
from pathlib import Path

from headrace.client import Client
from tests.cli.conftest import Shell, Up


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
    assert [kind["name"] for kind in kinds] == ["break_down", "narrate", "pass_gate", "shout", "word_count"]
    assert kinds[3]["input_schema"]["$defs"]["Text"]["required"] == ["text"]


async def test_a_kind_is_paused_and_resumed(up: Up, client: Client) -> None:
    async def shown() -> tuple[str, set[str | None]]:
        rows = (await up.shell.call("kinds")).out.splitlines()
        lags = json.loads((await up.shell.call("lag", "--json")).out)
        states = {lag["state"] for lag in lags if lag["name"] == "break_down" and lag["paused"]}
        return next(row for row in rows if row.startswith("break_down")).rstrip().rpartition("  ")[2], states

    done = await up.shell.call("pause", "break_down")
    assert (done.code, done.out, done.err) == (0, "break_down paused\n", "")
    assert await shown() == ("yes, paused", {"paused"})
    task = await client.submit("break_down", {"text": "later"})
    assert (await client.get(task.id)).state == "queued"
    done = await up.shell.call("resume", "break_down")
    assert (done.code, done.out, done.err) == (0, "break_down resumed\n", "")
    assert await shown() == ("yes", set())
    assert (await client.get(task.id, wait=20)).state == "failed"


async def test_a_kind_that_is_not_there_cannot_be_paused(up: Up) -> None:
    done = await up.shell.run("pause", "brake_down")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("kind_not_found: there is no kind 'brake_down'; known kinds: break_down, narrate, ")


async def test_an_api_that_is_not_there_is_named(place: Path) -> None:
    done = await Shell({"HEADRACE_HOME": str(place), "HEADRACE_URL": "http://127.0.0.1:1"}).run("kinds")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("nothing answers at http://127.0.0.1:1 ")
