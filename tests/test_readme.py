"""What the README says is there, is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from headrace.cli import cli
from headrace.testing import RecordingContext

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()


def test_every_file_it_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []


def test_every_just_recipe_it_names_exists() -> None:
    named = set(re.findall(r"\bjust ([a-z]+)", TEXT))
    recipes = set(
        subprocess.run(["just", "--summary"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    )
    assert named <= recipes
    assert {"up", "dev", "check", "test", "bench", "migrate", "openapi"} <= recipes


def test_every_command_and_option_it_names_exists() -> None:
    lines = re.findall(r"headrace ([a-z]+)( [^`#\n]*)?", TEXT)
    assert {command for command, _ in lines} - {"api", "projector", "worker"} <= set(cli.commands)
    for command, rest in lines:
        if command in cli.commands:
            known = {option for parameter in cli.commands[command].params for option in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", rest)) <= known


def test_every_curl_it_shows_sends_the_key_of_the_home() -> None:
    calls = re.findall(r"curl (.*)", TEXT)
    assert len(calls) >= 3
    assert [call for call in calls if '-H "Authorization: Bearer $(uv run headrace key)"' not in call] == []


async def test_the_kind_it_shows_does_what_it_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    defined: dict[str, Any] = {"__name__": "kind_of_the_readme"}
    exec(compile(code, "README.md", "exec", dont_inherit=True), defined)
    context = RecordingContext()
    counts = await defined["word_count"](defined["WordCount"](text="one two"), context)
    assert counts == defined["Counts"](words=2)
    assert context.progressed == [(0.5, "counting")]


@pytest.mark.parametrize(
    "name", ["api/app.py", "api/v1/submit.py", "worker/run.py", "projector/project.py", "api/streaming/task_stream.py"]
)
def test_the_files_to_read_first_fit_a_few_screens(name: str) -> None:
    assert len((ROOT / "src/headrace" / name).read_text().splitlines()) <= 300
