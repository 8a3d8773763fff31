from __future__ import annotations

import asyncio
import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headrace.client import Client
from headrace.contracts.tasks import Priority, State
from headrace.embedded.network import free_ports
from tests.cli.conftest import Shell, Up, read_to_the_end


async def test_it_prints_the_task_and_does_not_wait(up: Up, client: Client) -> None:
    done = await up.shell.run("submit", "shout", "--input", '{"text": "hello"}', "--priority", "low")
    task, state = done.out.split()
    assert (done.code, state, done.err) == (0, "queued", "")
    assert (await client.get(task)).priority == Priority.LOW


async def test_it_may_be_due_later_and_is_made_once_for_a_key(up: Up, client: Client) -> None:
    when = ("--delay", "1h", "--expires-in", "2h", "--max-attempts", "2", "--key", "one-submission")
    when += ("--label", "customer=Ümit", "--label", "term=1")
    first = await up.shell.call("submit", "shout", "--input", '{"text": "hello"}', *when)
    second = await up.shell.call("submit", "shout", "--input", '{"text": "hello"}', *when)
    at = datetime.now(UTC) + timedelta(days=30)
    dated = await up.shell.call("submit", "shout", "--input", '{"text": "hello"}', "--at", at.isoformat())
    assert first.out == second.out
    task, state = first.out.split()
    assert (first.code, state) == (0, "pending")
    found = await client.get(task)
    assert found.max_attempts == 2
    assert found.labels == {"customer": "Ümit", "term": "1"}
    assert found.due_at is not None
    assert found.expires_at is not None
    assert timedelta(minutes=59) < found.expires_at - found.due_at < timedelta(minutes=61)
    assert dated.code == 0, dated.err
    later = await client.get(dated.out.split()[0])
    assert later.due_at == at
    for each in (found, later):
        await client.cancel(each.id)


async def test_the_input_may_come_from_a_file_and_from_standard_input(up: Up, place: Path) -> None:
    (place / "input.json").write_text('{"text": "from a file"}')
    first, second = await asyncio.gather(
        up.shell.run("submit", "shout", "--input", f"@{place}/input.json", "--wait"),
        up.shell.run("submit", "shout", "--input", "-", "--wait", stdin=b'{"text": "from a pipe"}'),
    )
    assert (first.code, json.loads(first.out)) == (0, {"text": "FROM A FILE"})
    assert re.fullmatch(r"waited .+, ran .+", first.err.splitlines()[-1])
    assert (second.code, json.loads(second.out)) == (0, {"text": "FROM A PIPE"})


async def test_following_shows_it_live_and_leaves_only_the_result_on_standard_output(up: Up) -> None:
    done = await up.shell.run("submit", "narrate", "--input", r'{"text": "one \u001b[31mred\u001b[0m"}', "--follow")
    assert done.code == 0
    assert done.out == '[\n  "one",\n  "\\u001b[31mred\\u001b[0m"\n]\n'
    first, *lines = done.err.splitlines()
    assert first.endswith(" queued")
    said = [line.partition(" ")[2] for line in lines]  # each begins with its time
    for line in (
        "queued",
        r"logged warning: one \x1b[31mred\x1b[0m",  # what a handler says does not reach the terminal's controls
        "emitted streamed",
        "emitted in two lines",
        'emitted {"row":1}',
        "progressed 100%  done",
        "finished succeeded",
    ):
        assert line in said, done.err


async def test_on_a_terminal_following_shows_a_bar(up: Up) -> None:
    ours, its = os.openpty()
    command = await up.shell.start("submit", "narrate", "--input", '{"text": "one"}', "--follow", stderr=its)
    os.close(its)
    shown = await asyncio.to_thread(read_to_the_end, ours)
    done = await command.done()
    assert (done.code, json.loads(done.out)) == (0, ["one"])
    for text in ("narrate", "100%", "warning: one", "in two lines", '{"row":1}', "succeeded"):
        assert text in shown


async def test_a_task_that_fails_exits_with_1_and_says_why(up: Up) -> None:
    followed, waited = await asyncio.gather(
        up.shell.run("submit", "break_down", "--input", '{"text": "too much"}', "--follow"),
        up.shell.run("submit", "break_down", "--input", '{"text": "too much"}', "--wait"),
    )
    for done in (followed, waited):
        assert (done.code, done.out) == (1, "")
        assert "failed (raised)" in done.err.splitlines()[-1]
        assert "too much" in done.err.splitlines()[-1]
    assert "failed (raised), ran " in followed.err.splitlines()[-1]


async def test_a_refused_submission_exits_with_2_and_names_each_path(up: Up) -> None:
    wrong, unknown = await asyncio.gather(
        up.shell.run("submit", "shout", "--input", '{"text": 1}', "--follow"),
        up.shell.run("submit", "nonsense", "--input", "{}"),
    )
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.splitlines()[0].startswith("invalid_input: ")
    assert "  /input/text: " in wrong.err
    assert unknown.code == 2
    assert "known kinds: break_down, narrate, pass_gate, shout, word_count" in unknown.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("shout", "--input", "[1]"), "not a JSON object"),
        (("shout", "--input", "{"), "not a JSON object"),
        (("shout", "--input", "@/nowhere/at/all"), "/nowhere/at/all cannot be read"),
        (("shout.>", "--input", "{}"), "not the name of a kind"),
        (("shout", "--input", "{}", "--follow", "--wait"), "--follow waits already"),
    ],
)
async def test_wrong_usage_exits_with_2_before_anything_is_sent(args: tuple[str, ...], said: str) -> None:
    done = await Shell({"HEADRACE_URL": "http://127.0.0.1:1"}).run("submit", *args)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


async def test_an_api_that_is_not_there_is_named_in_one_line() -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    done = await Shell({}).run("submit", "shout", "--input", "{}", "--url", url)
    assert (done.code, done.out) == (3, "")
    (line,) = done.err.splitlines()
    assert line.startswith(f"nothing answers at {url} ")
    assert "`headrace up`" in line


async def test_ctrl_c_leaves_the_task_running_and_says_how_to_follow_it_again(
    up: Up, client: Client, place: Path
) -> None:
    given = json.dumps({"path": str(place / "gate")})
    command = await up.shell.start("submit", "pass_gate", "--input", given, "--follow")
    await command.says("at the gate")
    task = command.err[0].split()[0]

    command.interrupt()

    done = await command.done()
    assert (done.code, done.out) == (130, "")
    assert f"the task goes on; to follow it again:  headrace tail --since 1h --task {task}" in done.err
    assert f"{up.url}/api/v1/tasks/{task}" in done.err
    assert (await client.get(task)).state == State.RUNNING
    (place / "gate").touch()
    assert await client.result(task) == "passed"
    again = await up.shell.start("tail", "--since", "1h", "--task", task)
    await again.says('  "passed"')
    again.interrupt()
    assert (await again.done()).code == 0
