"""What docs/security.md says is shown by a test, is shown by one that exists."""

from __future__ import annotations

import re

from tests.generated import ROOT
from tests.invariants import TESTS

DOCS = ROOT / "docs"
TEXT = (DOCS / "security.md").read_text()


def test_every_test_that_shows_an_item_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", TEXT))
    known = {name for path in TESTS.rglob("test_*.py") for name in _tests_in(path.read_text())}
    assert named
    assert sorted(named - known) == []


def _tests_in(text: str) -> list[str]:
    return re.findall(r"^(?:async )?def (test_\w+)", text, re.MULTILINE)


def test_every_item_is_shown_by_a_test() -> None:
    rows = re.findall(r"^\| V\d+\.\d+\.\d+.*$", TEXT, re.MULTILINE)
    assert len(rows) > 20
    assert [row for row in rows if "`test_" not in row] == []


def test_every_file_it_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", TEXT)
    assert [link for link in links if not (DOCS / link).exists()] == []
