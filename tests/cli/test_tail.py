from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import nats
import pytest

from headrace.client import Client
from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.network import free_ports
from headrace.log.client import open_client
from headrace.log.connection import Log
from headrace.log.jetstream import JetStream
from headrace.log.opening import open_log
from headrace.log.permissions import OPERATOR, WORKER
from headrace.log.streams import provision_streams
from headrace.log.subjects import TaskSubject, task_events
from headrace.settings import NatsSettings, Settings
from tests.cli.conftest import Command, Shell, Up
from tests.waiting import until

TASKS = 40  # while it is shown live


@pytest.fixture
async def log(up: Up) -> AsyncGenerator[Log]:
    running = up.home.running()
    assert running is not None
    settings = Settings(
        nats=NatsSettings(url=running.nats_url, user=OPERATOR, password=up.home.nats_password(OPERATOR))
    )
    async with open_log(settings, "test") as opened:
        yield opened


@pytest.mark.invariant(6)
async def test_it_shows_what_happened_and_what_happens_without_a_gap_or_a_repeat(
    up: Up, client: Client, log: Log
) -> None:
    async def submit() -> str:
        return (await client.submit("shout", {"text": "hello"})).id

    await client.result(await submit())
    tail = await up.shell.start("tail", "--json", "--since", "1h", "--kind", "shout")
    while not tail.out:
        await submit()
    for _ in range(TASKS):
        last = await submit()
    await until(lambda: _shown(tail, event="finished", task=last), "the last task")
    await until(lambda: _tasks(tail, "queued") <= _tasks(tail, "finished"), "all others")
    tail.interrupt()
    done = await tail.done()
    assert (done.code, done.err) == (0, "")
    shown = [line["sequence"] for line in _lines(done.out)]
    assert shown == await _sequences(log, task_events(kind="shout"))


async def test_a_line_of_json_has_everything(up: Up, client: Client, log: Log) -> None:
    task = await client.submit("shout", {"text": "hello"})
    await client.result(task.id)
    tail = await up.shell.start("tail", "--json", "--since", "1h", "--task", task.id, "--event", "finished")
    await tail.says(task.id)
    tail.interrupt()
    (line,) = _lines((await tail.done()).out)
    record = await log.replayer.last(task_events(task=task.id))
    assert record is not None
    assert line == {
        "sequence": record.sequence,
        "position": f"{log.epoch}-{record.sequence}",
        "at": record.at.isoformat().replace("+00:00", "Z"),
        "event": "finished",
        "kind": "shout",
        "priority": "normal",
        "owner": "local",
        "task": task.id,
        "batch": None,
        "correlation_id": line["correlation_id"],
        "data": json.loads(record.payload),
    }
    assert line["correlation_id"]
    assert line["data"]["result"] == {"text": "HELLO"}


async def test_a_task_can_be_named_by_the_end_of_its_id_as_it_is_shown(up: Up, client: Client) -> None:
    task, other = await client.submit("narrate", {"text": "a"}), await client.submit("narrate", {"text": "b"})
    await asyncio.gather(client.result(task.id), client.result(other.id))
    tail = await up.shell.start("tail", "--since", "1h", "--task", task.id[-8:])
    await tail.says("finished")
    tail.interrupt()
    out = (await tail.done()).out
    assert f"narrate {task.id[-8:]} succeeded" in out
    assert f"narrate {task.id[-8:]} warning: a" in out
    assert other.id[-8:] not in out


async def test_it_shows_only_ends_of_an_outcome_or_of_what_was_slow_and_how_long_each_took(
    up: Up, client: Client
) -> None:
    task = await client.submit("shout", {"text": "hello"})
    await client.result(task.id)
    since = ("tail", "--since", "1h", "--task", task.id)
    of_outcome = await up.shell.start(*since, "--outcome", "succeeded", "--slower-than", "0s")
    others = [await up.shell.start(*since, *also) for also in (("--outcome", "failed"), ("--slower-than", "1h"))]
    every = await up.shell.start(*since)
    await asyncio.gather(of_outcome.says("succeeded, ran "), every.says("succeeded, ran "), every.says(", waited "))
    for tail in (of_outcome, *others, every):
        tail.interrupt()
    assert [len((await tail.done()).out.splitlines()) for tail in (of_outcome, *others)] == [1, 0, 0]


async def test_without_since_it_begins_now(up: Up, client: Client) -> None:
    await client.result((await client.submit("shout", {"text": "before"})).id)
    tail = await up.shell.start("tail", "--json")
    texts: list[str] = []

    async def seen() -> bool:
        texts.append((await client.submit("shout", {"text": "after"})).id)
        return bool(tail.out)

    await until(seen, "the first line")
    tail.interrupt()
    assert {line["task"] for line in _lines((await tail.done()).out)} <= set(texts)


async def test_what_a_writer_left_that_is_no_event_of_ours_is_shown_too(up: Up) -> None:
    running = up.home.running()
    assert running is not None
    # Nobody else may append what happens to a task.
    writer = NatsSettings(url=running.nats_url, user=WORKER, password=up.home.nats_password(WORKER))
    subject = str(TaskSubject("started", "foreign", "normal", "local", "x" * 36))
    async with open_client(writer, "test") as connection:
        for payload in (b'{\n  "attempt": 1\n}', b"no JSON\x1b[2J"):
            await connection.jetstream().publish(subject, payload)
    words = await up.shell.start("tail", "--since", "1h", "--kind", "foreign")
    as_json = await up.shell.start("tail", "--since", "1h", "--kind", "foreign", "--json")
    await asyncio.gather(words.says("no JSON"), as_json.says("no JSON"))
    words.interrupt()
    as_json.interrupt()
    shown = (await words.done()).out
    assert '{"attempt":1' in shown
    assert r"no JSON\x1b[2J" in shown
    first, second = _lines((await as_json.done()).out)
    assert (first["data"], second["data"]) == ({"attempt": 1}, "no JSON\x1b[2J")


async def test_it_makes_nothing_where_there_is_no_log_yet(place: Path) -> None:
    async with EmbeddedNats(place / "nats", token="let me in") as server:
        shell = Shell({"HEADRACE_NATS_URL": server.url, "HEADRACE_NATS_TOKEN": "let me in"})
        tail, lag = await asyncio.gather(shell.run("tail", "--since", "1h"), shell.run("lag"))
        for done in (tail, lag):
            assert (done.code, done.out) == (3, "")
            assert done.err.startswith("there is no log yet; start Headrace")
            assert "`headrace up`" in done.err
        connection = await nats.connect(server.url, token="let me in")
        assert await connection.jetstream().streams_info() == []
        await connection.close()


@pytest.mark.invariant(6)
async def test_it_waits_while_nats_is_away_and_goes_on_in_a_log_made_anew(place: Path) -> None:
    async with EmbeddedNats(place / "nats", token="let me in") as server:
        settings = Settings(nats=NatsSettings(url=server.url, token="let me in"))
        shell = Shell({"HEADRACE_NATS_URL": server.url, "HEADRACE_NATS_TOKEN": "let me in"})
        async with open_log(settings, "test") as log:
            for _ in range(3):
                await _append(log, "old")
            tail = await shell.start("tail", "--since", "1h")
            await tail.says(" old ")
            async with open_client(settings.nats, "test") as connection:
                jetstream = JetStream(connection)
                await jetstream.request("STREAM.DELETE.HEADRACE")
                await tail.says("waiting: ")
                await provision_streams(jetstream, settings.stream)
            await _append(log, "second")
            await tail.says("second")
        tail.interrupt()
        done = await tail.done()
    assert done.code == 0
    assert len([line for line in done.out.splitlines() if "second" in line]) == 1
    assert "the log was lost and made anew" in done.err


async def test_nats_that_cannot_be_reached_or_does_not_let_us_in_is_told(place: Path) -> None:
    async with EmbeddedNats(place / "nats", token="let me in") as server:
        away = Shell({"HEADRACE_NATS_URL": f"nats://127.0.0.1:{free_ports(1)[0]}"})
        closed = Shell({"HEADRACE_NATS_URL": server.url, "HEADRACE_NATS_TOKEN": "wrong"})
        first, second = await asyncio.gather(away.run("tail"), closed.run("tail"))
    assert (first.code, second.code) == (3, 3)
    assert first.err.startswith("NATS cannot be reached")
    assert "Authorization Violation" in second.err
    assert len(first.err.splitlines()) == len(second.err.splitlines()) == 1


async def test_wrong_usage_exits_with_2() -> None:
    shell = Shell({"HEADRACE_NATS_URL": "nats://127.0.0.1:1"})
    for args in (("--since", "5x"), ("--event", "exploded"), ("--kind", "a.b"), ("--task", "*")):
        assert (await shell.run("tail", *args)).code == 2
    done = await shell.run("tail", "--event", "started", "--outcome", "failed")
    assert (done.code, "are about ends of tasks, not about 'started'" in done.err) == (2, True)


async def _sequences(log: Log, subject: str) -> list[int]:
    found: list[int] = []
    more = True
    while more:
        page = await log.replayer.page(subject, start=found[-1] + 1 if found else 1)
        found += [record.sequence for record in page.records]
        more = page.more
    return found


async def _append(log: Log, kind: str) -> None:
    await log.appender.append(
        str(TaskSubject("started", kind, "normal", "local", "t")), b'{"attempt":1,"worker":"w"}', {}
    )


def _lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def _tasks(tail: Command, event: str) -> set[str]:
    return {line["task"] for line in _shown(tail, event=event)}


def _shown(tail: Command, **fields: str) -> list[dict[str, Any]]:
    lines = [msgspec.json.decode(line, type=dict[str, Any]) for line in tail.out]
    return [line for line in lines if fields.items() <= line.items()]
