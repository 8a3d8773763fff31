"""What was built: how much a browser loads first."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from headrace import web_place

FIRST_LOAD_BYTES = 230_000  # gzip, without fonts: what a browser needs to show the dashboard
# What it loads in a first visit only, when there is nothing to show yet, is left out.
FIRST_SCREEN = "src/member/dashboard/DashboardPage.vue"


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
