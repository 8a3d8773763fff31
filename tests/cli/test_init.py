"""`headrace init`, and from there to a task that was followed, as somebody does who has only the wheel."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from headrace.cli import cli
from headrace.cli.terminal.starter import TEMPLATES
from headrace.embedded.network import free_ports
from tests.conftest import make_place
from tests.documents import pages

ROOT = Path(__file__).parents[2]
TWO_MINUTES = 120.0  # what docs/start.md promises from an empty folder to a followed task


def files_in(folder: Path) -> dict[str, str]:
    return {file.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_it_says_what_it_has_written_and_the_next_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["init", str(tmp_path / "My Shop")])
    assert done.exit_code == 0, done.output
    assert done.output.startswith("".join(f"wrote {name}\n" for name in TEMPLATES))
    assert "uv run headrace up\n" in done.output
    written = files_in(tmp_path / "My Shop")
    assert written.keys() == TEMPLATES.keys()
    assert 'name = "my-shop"\n' in written["pyproject.toml"]
    assert "{version}" not in written["pyproject.toml"]


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "consumers").mkdir()
    mine = {"pyproject.toml": "# mine\n", "consumers/word_count.py": "# mine as well\n", "justfile": ""}
    for name, text in mine.items():
        (tmp_path / name).write_text(text)
    done = CliRunner().invoke(cli, ["init", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "kept  justfile\n" in done.output
    assert "`uv add headrace`" in done.output
    written = files_in(tmp_path)
    assert written.keys() == TEMPLATES.keys()
    assert mine == {name: written[name] for name in mine}
    assert CliRunner().invoke(cli, ["init", str(tmp_path)]).output.count("kept ") == len(TEMPLATES)
    assert files_in(tmp_path) == written


def test_a_file_where_a_folder_has_to_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "consumers").touch()
    done = CliRunner().invoke(cli, ["init", str(tmp_path)])
    assert done.exit_code == 2
    assert f"{tmp_path}/consumers is a file" in done.output


def test_compose_runs_each_process_and_has_no_secret(tmp_path: Path) -> None:
    CliRunner().invoke(cli, ["init", str(tmp_path)])
    services = yaml.safe_load((tmp_path / "compose.yaml").read_text())["services"]
    assert services.keys() == {"api", "worker", "projector", "provision", "migrate", "nats", "postgres"}
    for name in ("api", "worker", "projector", "provision", "migrate"):
        assert services[name]["command"] == [name]
        assert services[name]["command"][0] in cli.commands
    for service in services.values():
        secrets = [
            value for name, value in service.get("environment", {}).items() if "SECRET" in name or "PASS" in name
        ]
        assert [value for value in secrets if not value.startswith("${")] == []


@pytest.mark.slow
async def test_an_empty_folder_has_followed_a_task_within_two_minutes() -> None:
    place = make_place()
    try:
        await run("uv", "build", "--wheel", "--out-dir", str(place / "wheel"), str(ROOT), at=ROOT)
        (wheel,) = (place / "wheel").glob("*.whl")
        await _try_as_a_new_user(place, wheel)
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def _try_as_a_new_user(place: Path, wheel: Path) -> None:
    project, port = place / "shop", free_ports(1)[0]
    project.mkdir()
    environ = {"HEADRACE_HOME": str(place / "home"), "HEADRACE_API_BIND": f"127.0.0.1:{port}"}
    init, up_command, submit, listing, test = (shlex.split(line) for line in pages.commands("start.md"))
    begun = time.monotonic()
    # In place of the registry, here and in the project: it has no package of this checkout.
    await run(*init[:1], "--from", str(wheel), *init[1:], at=project)
    with (project / "pyproject.toml").open("a") as opened:
        opened.write(f'\n[tool.uv.sources]\nheadrace = {{ path = "{wheel}" }}\n')
    up = await start(*up_command, at=project, environ=environ)
    try:
        assert up.stdout is not None
        assert (await up.stdout.readline()).startswith(b"ready ")
        said = await run(*submit, at=project, environ=environ)
        followed = time.monotonic()
        listed = await run(*listing, at=project, environ=environ)
    finally:
        up.send_signal(signal.SIGINT)
        await up.communicate()
    assert '"words": 2' in said or '"words":2' in said
    assert followed - begun < TWO_MINUTES
    assert "succeeded" in listed
    assert "1 passed" in await run(*test, at=project)
    packages = {found.name for found in (project / ".venv").glob("lib/python*/site-packages/*")}
    assert {"headrace", "nats_server"} & packages
    assert not {"consumers", "polars", "typst", "spellchecker", "PIL"} & packages


async def run(*command: str, at: Path, environ: Mapping[str, str] | None = None) -> str:
    process = await start(*command, at=at, environ=environ)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def start(*command: str, at: Path, environ: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "VIRTUAL_ENV", "UV_"))
    }
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=at,
        env={**kept, **(environ or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
