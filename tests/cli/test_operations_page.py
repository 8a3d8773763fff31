"""The commands of `docs/operations.md` work as they are written, against a running `headrace up`."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from headrace.client import Client
from tests.cli.conftest import Command, Shell, Up
from tests.waiting import until

TEXT = (Path(__file__).parents[2] / "docs/operations.md").read_text()
NATS = shutil.which("nats")
GOES_ON = ("--watch", "headrace tail", " sub ")
KIND = "shout"  # of this test's machine; the page has the one of the README
FAILING = "break_down"

# What some commands show, by what they contain.
SHOWN = {
    "stream info": r"headrace_max_bytes: 8589934592",
    "consumer info": r"headrace_kind: shout",
    "check all": r"^OK ready: ",
    "check lag --kind": r"^OK lag: 1 kind, ",
    "doctor": r"nothing is wrong",
    "report jetstream": r"JetStream Summary",
    "last-for": r"hr\.tasks\.finished\.",
    "lag --lanes": r"shout high",
}


def commands(program: str) -> list[str]:
    """The lines of the page's blocks that call a program, without their comments."""
    lines = re.findall(rf"^ {{4}}({program} .*)$", TEXT, re.MULTILINE)
    return [re.sub(r"\s{2,}#.*", "", line).strip() for line in lines]


def test_there_are_commands_of_both() -> None:
    assert len(commands("headrace")) >= 12
    assert len(commands("nats")) >= 10


async def test_every_command_of_headrace_works(up: Up, client: Client) -> None:
    await finish_a_task(client)
    await up.shell.call("submit", FAILING, "--input", '{"text": "too much"}', "--wait")
    for line in commands("headrace"):
        # Nothing here runs for ten seconds.
        words = shlex.split(line.replace("text_feedback", KIND).replace("--slower-than 10s", "--slower-than 0s"))[1:]
        if any(each in line for each in GOES_ON):
            command = await up.shell.start(*words)
            await command.says(FAILING if "--outcome failed" in line else KIND)
            command.interrupt()
            done = await command.done()
        else:
            done = await up.shell.call(*words)
        assert done.code == 0, (line, done)
        check_shown(line, done.out)


@pytest.mark.skipif(
    NATS is None, reason="there is no `nats` on the PATH: go install github.com/nats-io/natscli/nats@latest"
)
async def test_every_command_of_nats_works(up: Up, client: Client) -> None:
    await finish_a_task(client)
    shell = Shell(up.shell.environ | {"XDG_CONFIG_HOME": str(up.home.path)})
    for line in commands("nats"):
        words = shlex.split(line.replace("text_feedback", KIND))
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=shell.environ,
        )
        command = Command(process)
        if any(each in line for each in GOES_ON):
            await command.says("Subscribing on")
            await until_heard(command, client)
            process.kill()
            await command.done()
            continue
        done = await command.done()
        assert done.code == 0, (line, done)
        check_shown(line, done.out)


async def until_heard(command: Command, client: Client) -> None:
    """Finish tasks until the subscription has heard of one."""

    async def is_heard() -> bool:
        await finish_a_task(client)
        return any("hr.live.tasks.finished.shout" in line for line in command.out)

    await until(is_heard, "the finish of a task")


async def finish_a_task(client: Client) -> None:
    await client.result((await client.submit(KIND, {"text": "hello"})).id)


def check_shown(line: str, out: str) -> None:
    for known, pattern in SHOWN.items():
        if known in line:
            assert re.search(pattern, out, re.MULTILINE), (line, out)


def test_the_page_names_no_variable_that_there_is_not() -> None:
    from headrace.settings import Settings
    from headrace.settings.reading import variables

    named = set(re.findall(r"`(HEADRACE_[A-Z_]+)`", TEXT))
    assert named <= set(variables(Settings)), os.linesep.join(sorted(named - set(variables(Settings))))
