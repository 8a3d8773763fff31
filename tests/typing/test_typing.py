"""The types of the clients, as type checkers see them from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKED = Path(__file__).with_name("submitting.py")
ROOT = Path(__file__).parents[2]
SECONDS_MAX = 240.0  # cold, on a machine that does much else
# What runs tasks and serves requests, and takes long to import.
HEAVY = ("nats", "litestar", "sqlalchemy", "polars", "PIL", "typst", "pypdf", "selectolax", "simplemma", "spellchecker")


def basedpyright() -> set[int]:
    """The lines that basedpyright refuses."""
    found = json.loads(_output_of("basedpyright", "--outputjson", str(CHECKED)))
    assert found["summary"]["filesAnalyzed"] == 1
    return {each["range"]["start"]["line"] + 1 for each in found["generalDiagnostics"] if each["severity"] == "error"}


def mypy() -> set[int]:
    """The lines that mypy refuses, which reads other libraries only as far as their types are asked for."""
    said = _output_of(
        "mypy", "--output=json", "--strict", "--follow-imports=silent", "--cache-dir=/dev/null", str(CHECKED)
    )
    return {found["line"] for found in map(json.loads, said.splitlines()) if found["severity"] == "error"}


def _output_of(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.mark.parametrize("check", [basedpyright, pytest.param(mypy, marks=pytest.mark.slow)])
def test_a_type_checker_refuses_what_is_wrong_of_a_submission_and_accepts_the_rest(
    check: Callable[[], set[int]],
) -> None:
    lines = CHECKED.read_text().splitlines()
    refused = {number for number, line in enumerate(lines, 1) if line.endswith("# refused")}
    assert len(refused) > 10
    assert check() == refused


def test_a_program_that_submits_tasks_of_the_sample_kinds_does_not_load_what_runs_them() -> None:
    kinds = [each.stem for each in (ROOT / "consumers").glob("[a-z]*.py")]
    assert len(kinds) > 3
    imports = ", ".join(["sys", "headrace.client", *(f"consumers.{kind}" for kind in kinds)])
    done = subprocess.run(
        [sys.executable, "-c", f"import {imports}; print(*sys.modules)"], cwd=ROOT, capture_output=True, text=True
    )
    assert not set(done.stdout.split()) & {*HEAVY}
    assert "headrace.client" in done.stdout, done.stderr
