from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from headrace.client import Client
from headrace.contracts.tasks import Priority
from tests.cli.conftest import Up, read_to_the_end


async def test_it_prints_the_batch_and_does_not_wait(up: Up, client: Client, place: Path) -> None:
    (place / "inputs.ndjson").write_text('{"text": "one"}\n\n{"text": "two"}')
    done = await up.shell.call(
        *("batch", "shout", "--input", f"@{place}/inputs.ndjson", "--name", "a pair", "--priority", "high"),
        *("--label", "customer=Ümit & Söhne", "--label", "term=1"),
    )
    batch, *said = done.out.split()
    assert (done.code, said, done.err) == (0, ["2", "tasks"], "")
    found = await client.get_batch(batch, wait=10)
    assert (found.name, found.priority, found.counts.succeeded) == ("a pair", Priority.HIGH, 2)
    assert found.labels == {"customer": "Ümit & Söhne", "term": "1"}


async def test_each_line_may_be_an_entry_with_labels_of_its_own(up: Up, client: Client) -> None:
    entries = b'{"input": {"text": "one"}, "labels": {"row": "1"}}\n{"input": {"text": "two"}}\n'
    done = await up.shell.call("batch", "shout", "--input", "-", "--entries", "--wait", stdin=entries)
    assert done.code == 0, done.err
    tasks = [task async for task in client.list(batch=json.loads(done.out)["id"])]
    assert sorted((task.title, task.labels) for task in tasks) == [("one", {"row": "1"}), ("two", {})]
    wrong = await up.shell.call("batch", "shout", "--input", "-", "--entries", stdin=b'{"text": "one"}\n')
    assert (wrong.code, "/entries/0" in wrong.err) == (2, True)


async def test_following_counts_in_lines_and_leaves_only_the_batch_on_standard_output(up: Up) -> None:
    lines = b"".join(b'{"text": "%d"}\n' % number for number in range(30))
    done = await up.shell.run("batch", "shout", "--input", "-", "--follow", stdin=lines)
    assert done.code == 0, done.err
    batch = json.loads(done.out)
    assert (batch["state"], batch["counts"]["succeeded"]) == ("settled", 30)
    first, *_, last = done.err.splitlines()
    assert first == f"{batch['id']} 30 tasks"
    assert last == "30 of 30: 30 succeeded"


async def test_on_a_terminal_following_shows_a_bar(up: Up) -> None:
    ours, its = os.openpty()
    command = await up.shell.start(
        "batch", "shout", "--input", "-", "--follow", stdin=asyncio.subprocess.PIPE, stderr=its
    )
    os.close(its)
    assert command.process.stdin is not None
    command.process.stdin.write(b'{"text": "one"}\n')
    command.process.stdin.close()
    shown = await asyncio.to_thread(read_to_the_end, ours)
    done = await command.done()
    assert (done.code, json.loads(done.out)["total"]) == (0, 1)
    assert "1/1" in shown
    assert "1 succeeded" in shown


async def test_the_same_key_gives_the_same_batch(up: Up) -> None:
    async def submit() -> str:
        args = ("batch", "shout", "--input", "-", "--key", "command-line", "--wait")
        return (await up.shell.call(*args, stdin=b'{"text": "once"}\n')).out

    first, second = await submit(), await submit()
    assert json.loads(first)["id"] == json.loads(second)["id"]


async def test_a_batch_of_which_something_fails_exits_with_1(up: Up) -> None:
    done = await up.shell.call("batch", "break_down", "--input", "-", "--wait", stdin=b'{"text": "a"}\n{"text": "b"}\n')
    assert done.code == 1
    assert json.loads(done.out)["counts"]["failed"] == 2


async def test_a_wrong_input_is_named_and_nothing_accepted(up: Up) -> None:
    done = await up.shell.call("batch", "shout", "--input", "-", stdin=b'{"text": "a"}\n{"text": 1}\nnonsense\n')
    assert (done.code, done.out) == (2, "")
    assert "  /inputs/1/text: " in done.err
    assert "  /inputs/2: " in done.err


async def test_ctrl_c_leaves_the_batch_and_says_how_to_cancel_it(up: Up, client: Client, place: Path) -> None:
    (place / "inputs").write_text(json.dumps({"path": str(place / "gate")}))
    command = await up.shell.start("batch", "pass_gate", "--input", f"@{place}/inputs", "--follow")
    await command.says("0 of 1: ")
    command.interrupt()
    done = await command.done()
    assert (done.code, done.out) == (130, "")
    batch = done.err.split()[0]
    assert f"headrace cancel --batch {batch}" in done.err

    cancelled = await up.shell.call("cancel", "--batch", batch, "--yes")
    assert (cancelled.code, cancelled.out) == (0, "1 task cancelled\n")
    assert (await client.get_batch(batch, wait=10)).counts.cancelled == 1
