"""The pages of docs/: one list has them all, the guide is short, and what they link to and name is there."""

from __future__ import annotations

import re
from functools import cache

import pytest

from headrace.cli import cli
from headrace.cli.terminal.starter import TEMPLATES
from headrace.settings import Settings
from headrace.settings.reading import variables
from tests.documents import pages

GUIDE = pages.listed("The guide")
REFERENCE = pages.listed("Reference")
LINES_MAX = 150  # of a page of the guide: what somebody reads to its end
STARTER = pages.ROOT / "src/headrace/starter"

_LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)(?:#([^)]+))?\)")


def test_the_list_has_every_page_once() -> None:
    there = {page.name for page in pages.DOCS.glob("*.md")} - {"README.md"}
    assert sorted(GUIDE + REFERENCE) == sorted(there)


def test_the_readme_begins_with_the_list() -> None:
    assert "(docs/README.md)" in (pages.ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", GUIDE)
def test_a_page_of_the_guide_is_short(page: str) -> None:
    assert len(pages.read(page).splitlines()) <= LINES_MAX


@pytest.mark.parametrize("page", [*GUIDE, *REFERENCE, "README.md"])
def test_what_a_page_links_to_is_there(page: str) -> None:
    missing = [
        f"{file}#{anchor}"
        for file, anchor in _LINK.findall(without_code(page))
        if not (pages.DOCS / file).exists() or (anchor and anchor not in anchors(file or page))
    ]
    assert missing == []


@pytest.mark.parametrize("page", GUIDE)
def test_every_variable_of_the_guide_is_a_setting(page: str) -> None:
    # A client reads no settings; its programs are given these two.
    given = {"HEADRACE_URL", "HEADRACE_API_KEY"}
    named = set(re.findall(r"\bHEADRACE_[A-Z_]*[A-Z]\b", pages.read(page)))
    assert {name.removesuffix("_FILE") for name in named} - given <= set(variables(Settings)) | {"HEADRACE_HOME"}


@pytest.mark.parametrize("page", GUIDE)
def test_every_command_of_the_guide_exists(page: str) -> None:
    named = re.findall(r"`headrace ([a-z]+)|^ {4}.*\bheadrace ([a-z]+)", pages.read(page), re.MULTILINE)
    assert {inline or shown for inline, shown in named} <= set(cli.commands)


def test_the_kind_of_the_first_page_is_the_one_that_init_writes() -> None:
    (program,) = pages.programs("start.md", "python")
    written = (STARTER / TEMPLATES[program.file]).read_text()
    shown = program.code.partition("\n")[2]
    assert written.partition("import msgspec\n")[2] == shown.partition("import msgspec\n")[2]


@cache
def anchors(page: str) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    if not page.endswith(".md"):
        return set()
    headings = re.findall(r"^#+ (.*)$", without_code(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def without_code(page: str) -> str:
    """The text of a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", pages.read(page), flags=re.MULTILINE | re.DOTALL)
