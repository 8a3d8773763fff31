"""What is rendered is what was agreed on. `just openapi` makes it anew; look at what has changed before you commit it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chart.golden import FILES, GOLDEN
from tests.chart.values.files import FILES as MADE


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_rendered_is_what_was_agreed_on(path: Path) -> None:
    assert path.read_text() == FILES[path]()


def test_nothing_is_agreed_on_that_is_not_rendered() -> None:
    assert set(GOLDEN.iterdir()) == FILES.keys()


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_the_values_are_those_of_their_source(path: Path) -> None:
    assert path.read_text() == MADE[path]()
