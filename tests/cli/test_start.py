from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner

from headrace.cli import COMMANDS, cli
from headrace.cli.terminal.discovery import find_api, find_nats, find_objects
from headrace.log.permissions import OPERATOR
from headrace.settings import Settings
from headrace.settings.object_storage import ObjectsSettings
from tests.cli.conftest import Shell, Up

# What `--help` may import besides Python's own modules: a list of commands needs nothing else.
OF_HELP = {"__main__", "click", "headrace"}
OF_HELP_BELOW_HEADRACE = {
    "cli",
    "cli.deferred",
    "cli.terminal",
    "cli.terminal.exits",
    "cli.terminal.output",
    "embedded",
    "embedded.errors",
    "printable",
}
# Each of these takes a tenth of a second.
HEAVY_OF_PYTHON = {"asyncio", "concurrent", "email", "http", "importlib.metadata", "multiprocessing", "sqlite3", "ssl"}


async def imported_by(*arguments: str) -> set[str]:
    """The modules that a command imports beyond those of an interpreter that does nothing."""
    program = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from headrace.cli import main\n"
        f"sys.argv[1:] = {arguments!r}\n"
        "try: main()\n"
        "except SystemExit: print(*sorted(set(sys.modules) - before))\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return set(out.decode().splitlines()[-1].split())


async def test_help_imports_click_and_a_few_small_modules_and_no_command() -> None:
    imported = await imported_by("--help")
    roots = {name.partition(".")[0] for name in imported}
    assert roots - sys.stdlib_module_names - OF_HELP == set()
    assert {
        name.removeprefix("headrace.") for name in imported if name.startswith("headrace.")
    } <= OF_HELP_BELOW_HEADRACE
    assert imported & HEAVY_OF_PYTHON == set()


async def test_the_help_of_a_command_imports_no_other_command_and_none_of_what_commands_do() -> None:
    imported = await imported_by("submit", "--help")
    commands = {name for name in imported if re.fullmatch(r"headrace\.cli\.commands\.[a-z]+", name)}
    assert commands == {"headrace.cli.commands.options", "headrace.cli.commands.tasks"}
    assert {"asyncio", "httpx", "litestar", "nats", "rich", "sqlalchemy", "structlog"} & imported == set()


def test_the_list_of_commands_has_the_first_sentence_of_the_help_of_each() -> None:
    assert len(COMMANDS) > 20
    assert {name: place.summary for name, place in COMMANDS.items()} == {
        name: command.get_short_help_str(200) for name, command in cli.commands.items()
    }
    assert {name: command.name for name, command in cli.commands.items()} == {name: name for name in COMMANDS}


def test_a_command_that_is_not_in_the_list_of_the_group_is_refused() -> None:
    with pytest.raises(TypeError, match="'added' has to be among the places"):
        cli.add_command(Command("added"))
    assert "added" not in cli.commands


def test_the_list_of_commands_cuts_no_sentence_off() -> None:
    listed = CliRunner().invoke(cli, ["--help"]).output
    assert listed.count("\n") > len(cli.commands)
    assert "..." not in listed.partition("Commands:")[2]


def test_the_api_is_where_it_is_said_to_be_else_where_it_runs(
    monkeypatch: pytest.MonkeyPatch, up: Up, place: Path
) -> None:
    here, elsewhere = Settings(home=str(up.home.path)), Settings(home=str(place))
    monkeypatch.delenv("HEADRACE_URL", raising=False)
    assert find_api("http://told", here) == "http://told"
    assert find_api(None, here) == up.url
    assert find_api(None, elsewhere) == "http://127.0.0.1:8080"
    monkeypatch.setenv("HEADRACE_URL", "http://set")
    assert find_api(None, Settings(home=str(up.home.path), url="http://set")) == "http://set"


def test_nats_is_where_it_is_said_to_be_else_where_it_runs(
    monkeypatch: pytest.MonkeyPatch, up: Up, place: Path
) -> None:
    here, elsewhere = Settings(home=str(up.home.path)), Settings(home=str(place))
    running = up.home.running()
    assert running is not None
    monkeypatch.delenv("HEADRACE_NATS_URL", raising=False)
    assert find_nats(here).nats.url == running.nats_url
    assert find_nats(here).nats.password == up.home.nats_password(OPERATOR)
    assert find_nats(elsewhere) == elsewhere
    assert list(place.iterdir()) == []
    monkeypatch.setenv("HEADRACE_NATS_URL", "nats://set")
    assert find_nats(here) == here
    assert find_nats(elsewhere, given=str(up.home.path)).nats.url == running.nats_url


def test_files_are_where_the_setting_says_else_where_what_runs_keeps_them(
    monkeypatch: pytest.MonkeyPatch, up: Up, place: Path
) -> None:
    here, elsewhere = Settings(home=str(up.home.path)), Settings(home=str(place))
    bucket = Settings(home=str(up.home.path), objects=ObjectsSettings(url="s3://bucket"))
    monkeypatch.delenv("HEADRACE_NATS_URL", raising=False)
    assert find_objects(here).url == find_objects(elsewhere, given=str(up.home.path)).url == up.home.objects.as_uri()
    assert find_objects(elsewhere).url is None
    assert find_objects(bucket).url == "s3://bucket"
    monkeypatch.setenv("HEADRACE_NATS_URL", "nats://set")
    assert find_objects(here).url is None


@pytest.mark.slow
async def test_who_looks_in_another_home_is_told_where_and_how_to_name_the_right_one(up: Up, place: Path) -> None:
    elsewhere = Shell({"HEADRACE_HOME": str(place)})
    for command in ("lag", "tail"):
        done = await elsewhere.run(command)
        assert (done.code, done.out) == (3, "")
        said = f"no `headrace up` runs in {place}: start it, or name another with --home or HEADRACE_HOME"
        assert done.err.startswith(said), "the cause comes first"
    done = await elsewhere.run("lag", "--home", str(up.home.path))
    assert done.code == 0
    assert "projector" in done.out
    done = await elsewhere.run("lag", "--home", str(place / "none"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"no `headrace up` runs in {place}/none: ")
