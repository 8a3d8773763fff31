"""The commands of pages work as they are written, beside the fixture `headrace_up` of the project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.testing.stack import HeadraceUp

# Pairs of a command and what it shows.
COMMANDS = json.loads(Path("commands.json").read_text())
PROGRAMS = Path(sys.executable).parent


@pytest.mark.parametrize(("command", "shown"), COMMANDS)
def test_it_shows_what_it_should(headrace_up: HeadraceUp, command: str, shown: str) -> None:
    done = subprocess.run(
        # The project is installed by nobody: what `uv run` would find is beside this Python.
        ["bash", "-euo", "pipefail", "-c", command.replace("uv run ", "")],
        env={**os.environ, **headrace_up.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(shown, done.stdout, re.MULTILINE), done
