from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from headrace.cli import cli
from headrace.cli.terminal.discovery import find_api, find_nats, find_objects
from headrace.log.permissions import OPERATOR
from headrace.settings import Settings
from headrace.settings.object_storage import ObjectsSettings
from tests.cli.conftest import Shell, Up

HEAVY = ("litestar", "sqlalchemy", "polars", "nats", "httpx", "rich", "structlog", "asyncio")


async def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from headrace.cli import cli\n"
        "try: cli(['--help'])\n"
        f"except SystemExit: print([name for name in {HEAVY} if name in sys.modules])\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().splitlines()[-1] == "[]"
    assert "submit" in out.decode()


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
