from __future__ import annotations

import json
import re

import httpx
import pytest

from headrace.cli.commands.schedules import schedules
from headrace.client import Client
from tests.cli.conftest import Up
from tests.waiting import until


async def test_a_schedule_is_made_listed_run_paused_and_removed(up: Up, client: Client) -> None:
    added = await up.shell.call(
        *("schedules", "add", "shout", "--input", '{"text": "hello"}'),
        *("--cron", "0 30 9 * * 1-5", "--time-zone", "Europe/Berlin", "--name", "every working day"),
    )
    schedule, *next_at = added.out.split()
    assert (added.code, added.err) == (0, "")
    assert next_at

    async def is_listed() -> bool:
        return any(each.id == schedule for each in await client.schedules())

    async def is_gone() -> bool:
        return not await is_listed()

    await until(is_listed, "the schedule")
    table = (await up.shell.call("schedules")).out.splitlines()
    assert table[0].split() == ["schedule", "kind", "when", "next", "last", "name"]
    (line,) = (line for line in table if line.startswith(schedule))
    for text in ("shout", "0 30 9 * * 1-5 Europe/Berlin", "never", "every working day"):
        assert text in line
    paused = await up.shell.call("schedules", "pause", schedule)
    assert (paused.code, paused.out) == (0, f"{schedule} paused\n")
    resumed = await up.shell.call("schedules", "--url", up.url, "resume", schedule)
    assert resumed.out == added.out
    ran = await up.shell.call("schedules", "run", schedule)
    assert ran.out.endswith(" queued\n")
    assert await client.result(ran.out.split()[0]) == {"text": "HELLO"}
    (found,) = (each for each in json.loads((await up.shell.call("schedules", "--json")).out) if each["id"] == schedule)
    assert found["definition"]["time_zone"] == "Europe/Berlin"
    removed = await up.shell.call("schedules", "remove", schedule)
    assert (removed.code, removed.out) == (0, f"{schedule} removed\n")
    await until(is_gone, "its end")
    again = await up.shell.call("schedules", "run", schedule)
    assert again.code == 2
    assert again.err.startswith("schedule_not_found: ")


async def test_a_kind_that_is_disabled_and_a_schedule_that_rests_are_shown_as_such(up: Up) -> None:
    added = await up.shell.call("schedules", "add", "pass_gate", "--input", '{"path": "/nowhere"}', "--every", "1h")
    schedule = added.out.split()[0]

    async def row(of: str, *command: str) -> str:
        return next((line for line in (await up.shell.call(*command)).out.splitlines() if line.startswith(of)), "")

    async def is_listed() -> bool:
        return await row(schedule, "schedules") != ""

    await until(is_listed, "the schedule")
    settings = f"{up.url}/api/v1/admin/settings"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {up.key}"}) as http:

        async def disable(*kinds: str) -> None:
            etag = (await http.get(settings)).headers["ETag"]
            answer = await http.put(settings, json={"disabled_kinds": kinds}, headers={"If-Match": etag})
            assert answer.status_code == 200, answer.text

        await disable("pass_gate")
        try:
            assert "yes, disabled" in await row("pass_gate", "kinds")
            assert "rests: kind disabled" in await row(schedule, "schedules")
        finally:
            # Others submit this kind to the same `headrace up`.
            await disable()
    assert "disabled" not in await row("pass_gate", "kinds") + await row(schedule, "schedules")
    assert (await up.shell.call("schedules", "remove", schedule)).code == 0


@pytest.mark.parametrize("option", ["--every", "--expires-in"])
async def test_no_time_at_all_is_refused(up: Up, option: str) -> None:
    when = () if option == "--every" else ("--every", "1h")
    for duration in ("0s", "0d", "000m"):
        done = await up.shell.call("schedules", "add", "shout", "--input", '{"text": "x"}', *when, option, duration)
        assert (done.code, done.out) == (2, "")
        assert f"Invalid value for '{option}': '{duration}' is no time at all; say at least 1s" in done.err
    task = await up.shell.call("submit", "shout", "--input", '{"text": "x"}', "--expires-in", "0s")
    assert (task.code, task.out) == (2, "")
    assert "'0s' is no time at all" in task.err
    now = await up.shell.call("submit", "shout", "--input", '{"text": "x"}', "--delay", "0s", "--wait")
    assert (now.code, json.loads(now.out)) == (0, {"text": "X"})


async def test_its_help_names_what_there_is(up: Up) -> None:
    help_ = (await up.shell.call("schedules", "--help")).out
    first = next(line for line in help_.splitlines() if line.strip().startswith("List"))
    named = set(re.findall(r"add|change|pause|resume|remove|run", first))
    assert named == set(schedules.commands)


async def test_what_the_api_does_not_take_is_told(up: Up) -> None:
    done = await up.shell.call("schedules", "add", "shout", "--input", '{"text": "x"}', "--cron", "never")
    assert (done.code, done.out) == (2, "")
    assert "/cron" in done.err
