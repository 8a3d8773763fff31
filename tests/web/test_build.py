"""What was built: how much a browser loads first, and what the packages of the build want."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace import web_place
from tests.web.engines import not_for, permits

FIRST_LOAD_BYTES = 230_000  # gzip, without fonts: what a browser needs to show the dashboard
# What it loads in a first visit only, when there is nothing to show yet, is left out.
FIRST_SCREEN = "src/member/dashboard/DashboardPage.vue"
FRONTEND = Path(__file__).parents[2] / "frontend"


@pytest.mark.usefixtures("built_app")
def test_a_browser_loads_less_than_230_kb_until_it_shows_the_dashboard() -> None:
    built = web_place.built()
    manifest = json.loads((built / ".vite/manifest.json").read_text())
    files = {"index.html", "theme.js", *_loaded("index.html", manifest), *_loaded(FIRST_SCREEN, manifest)}
    sizes = {name: len(gzip.compress((built / name).read_bytes())) for name in files}
    assert sum(sizes.values()) <= FIRST_LOAD_BYTES, sorted(sizes.items(), key=lambda each: -each[1])


def _loaded(name: str, manifest: dict[str, Any]) -> Iterator[str]:
    """The scripts and styles that come with a chunk, those of the chunks that it imports among them."""
    chunk = manifest[name]
    yield chunk["file"]
    yield from chunk.get("css", ())
    for each in chunk.get("imports", ()):
        yield from _loaded(each, manifest)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("*", True),
        ("", True),
        (">=18", True),
        (">= 20.20", False),
        ("^18.18.0 || ^20.9.0 || >=21.1.0", True),
        ("^20.19.0 || >=22.12.0", True),
        ("^22.13.0 || >=24", False),
        ("18 || 20 || >=22", True),
        ("18.x || 22.x", False),
        (">=14 <20", False),
        (">=12.0.0 <=20", True),
        ("~20.18.0", False),
    ],
)
def test_ranges_of_engines_are_read_as_npm_reads_them(wanted: str, fits: bool) -> None:
    assert permits(wanted, (20, 19, 0)) is fits


def test_every_package_runs_on_the_oldest_node_that_is_promised() -> None:
    assert list(not_for(FRONTEND / "package-lock.json")) == []
