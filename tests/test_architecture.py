"""What docs/architecture.md says is there, is there, and docs/invariants.md lists the tests that are marked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.generated import ROOT
from tests.invariants import as_markdown, functions_of_tests, marked_tests

DOCS = ROOT / "docs"
TEXT = (DOCS / "architecture.md").read_text()
INVARIANTS = range(1, 9)
TESTS_OF_AN_INVARIANT_MIN = 3

links = re.findall(r"\[([^\]]+)\]\(([^)#]+)\)", TEXT)


def test_every_file_it_links_to_exists() -> None:
    assert links
    assert [link for _, link in links if not (DOCS / link).exists()] == []


def test_every_path_it_names_exists() -> None:
    named = set(re.findall(r"`((?:src|tests|consumers|docs|migrations|frontend)/[\w./-]*)`", TEXT))
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_name_that_links_to_a_file_is_in_that_file() -> None:
    missing = []
    for text, link in links:
        name = re.fullmatch(r"`(\w+)`", text)
        if name and link.endswith(".py") and name[1] not in _names_in(DOCS / link):
            missing.append(f"{name[1]} in {link}")
    assert missing == []


def test_every_function_of_a_walk_is_in_the_file_that_it_names() -> None:
    steps = re.findall(r"`(src/[\w/]+\.py)`, `(\w+)`", TEXT)
    assert steps
    assert [f"{name} in {file}" for file, name in steps if name not in _names_in(ROOT / file)] == []


def _names_in(path: Path) -> set[str]:
    if path.name.startswith("test_"):
        return {function.name for function in functions_of_tests(path)}
    return set(re.findall(r"\w+", path.read_text()))


def test_the_tests_of_each_invariant_are_those_that_are_marked_with_it() -> None:
    assert (DOCS / "invariants.md").read_text() == as_markdown(), "run `just openapi` and commit what changes"


@pytest.mark.parametrize("invariant", INVARIANTS)
def test_each_invariant_is_described_and_has_several_tests(invariant: int) -> None:
    assert re.search(rf"^{invariant}\. \*\*", TEXT, re.MULTILINE)
    assert f"(invariants.md#invariant-{invariant})" in TEXT
    assert len(marked_tests()[invariant]) >= TESTS_OF_AN_INVARIANT_MIN


def test_no_test_is_marked_with_an_invariant_that_there_is_not() -> None:
    assert marked_tests().keys() == set(INVARIANTS)
