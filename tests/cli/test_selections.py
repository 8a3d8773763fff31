"""Cancelling, and running failed tasks again."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from click.testing import CliRunner

from headrace.cli import cli
from headrace.client import Client
from headrace.contracts.batches import Batch
from headrace.contracts.tasks import State
from tests.cli.conftest import Up
from tests.waiting import until


async def test_tasks_are_cancelled_by_their_ids_each_whatever_became_of_the_others(up: Up, client: Client) -> None:
    later = [(await client.submit("shout", {"text": "later"}, delay=timedelta(hours=1))).id for _ in range(2)]
    over = (await client.submit("shout", {"text": "now"})).id
    await client.result(over)
    done = await up.shell.call("cancel", later[0], over, "unknown", later[1])
    assert done.code == 2
    assert done.out == f"{later[0]} cancelled\n{later[1]} cancelled\n"
    assert done.err.startswith(f"{over} task_finished: ")
    assert "unknown task_not_found: " in done.err


async def test_a_dry_run_only_counts(up: Up, client: Client) -> None:
    task = await client.submit("narrate", {"text": "later"}, delay=timedelta(hours=1))
    await client.get(task.id, at_least=task.position)
    args = ("cancel", "--kind", "narrate", "--state", "pending")
    dry = await up.shell.call(*args, "--dry-run")
    assert (dry.code, dry.out, dry.err) == (0, "", "1 task matches\n")
    assert (await client.get(task.id)).state == State.PENDING
    done = await up.shell.call(*args)
    assert (done.code, done.out) == (0, "1 task cancelled\n")
    await client.get(task.id, wait=10)
    nothing = await up.shell.call(*args)
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "0 tasks match\n")


async def test_failed_tasks_are_run_again(up: Up, client: Client) -> None:
    batch = await _failed(client, 5)
    dry = await up.shell.call("replay", "--batch", batch.id, "--dry-run")
    none = await up.shell.call("replay", "--batch", batch.id, "--code", "timeout")
    old = await up.shell.call("replay", "--batch", batch.id, "--until", "2026-01-01T00:00:00Z")
    assert (dry.code, dry.out, dry.err) == (0, "", "5 tasks match\n")
    assert (none.code, none.err) == (old.code, old.err) == (0, "0 tasks match\n")

    done = await up.shell.call("replay", "--batch", batch.id, "--kind", "break_down", "--since", "1h")

    assert (done.code, done.out) == (0, "5 tasks queued again\n")
    assert done.err.splitlines() == ["5 tasks match", "5 of 5: queued again"]


async def test_on_a_terminal_it_asks_first(up: Up, client: Client) -> None:
    batch = await _failed(client, 1)
    for answer, code, said in ((b"n\n", 2, "nothing was done"), (b"y\n", 0, "1 of 1")):
        ours, its = os.openpty()
        command = await up.shell.start("replay", "--batch", batch.id, stdin=its)
        os.close(its)
        os.write(ours, answer)
        done = await command.done()
        os.close(ours)
        assert done.code == code, done
        assert "run again 1 task? [y/N]" in done.err
        assert said in done.err


async def test_an_interrupt_says_how_to_do_the_rest(up: Up, client: Client) -> None:
    batch = await _failed(client, 8)
    command = await up.shell.start("replay", "--batch", batch.id, "--per-second", "0.2")
    await command.says("1 of 8: queued again")
    command.interrupt()
    done = await command.done()
    assert (done.code, done.out) == (130, "")
    rest = done.err.splitlines()[-1].partition("--until ")[2]
    task = ("replay", "--batch", batch.id, "--until", rest)

    async def one_is_seen_to_have_run_again() -> bool:
        return (await up.shell.call(*task, "--dry-run")).err == "7 tasks match\n"

    await until(one_is_seen_to_have_run_again, "the read model to have what was interrupted")
    first = await up.shell.call(*task)

    async def nothing_left() -> bool:
        return (await up.shell.call(*task)).err == "0 tasks match\n"

    assert first.out == "7 tasks queued again\n"  # the one of the interrupted run failed again, and later
    await until(nothing_left, "a replay that finds nothing")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ("cancel", "name tasks by their ids, or describe them"),
        ("cancel some --kind shout", "name tasks by their ids, or describe them"),
        ("cancel some --dry-run", "--dry-run is for tasks that are described"),
        ("cancel --state failed", "'failed' is not one of"),
        ("cancel a.>", "is not an id"),
        ("replay --since 5x", "is not a duration"),
        ("replay --since 2026-01-01T00:00:00", "is not a time like"),
        ("replay --until yesterday", "2h is two hours ago"),
        ("replay --since 999999d", "ago there were no tasks"),
        ("replay --per-second 0", "not in the range"),
        ("replay --per-second nan", "not in the range"),
        ("submit shout --input {} --delay 1m --at 2026-01-01T00:00:00Z", "either --delay or --at"),
        ("submit shout --input {} --label customer", "is not a label like customer=42"),
        ("submit shout --input {} --label Customer=42", "lower-case letters"),
        ("schedules add shout --input {} --every 1m --label customer=", "1 to 63 printable characters"),
        ("submit shout --input {} --max-attempts 0", "not in the range"),
        ("batch shout --input {}", "say @FILE, or - for standard input"),
        ("batch shout --input @/nowhere", "/nowhere cannot be read"),
        ("batch shout --input - --follow --wait", "--follow waits already"),
        ("schedules add shout --input {}", "either --cron or --every"),
        ("schedules add shout --input {} --every 1m --cron x", "either --cron or --every"),
    ],
)
def test_wrong_usage_exits_with_2(args: str, said: str) -> None:
    done = CliRunner().invoke(cli, args.split())
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


async def _failed(client: Client, tasks: int) -> Batch:
    batch = await client.batch("break_down", [{"text": "down"}] * tasks)
    return [each async for each in client.follow_batch(batch.id)][-1]
