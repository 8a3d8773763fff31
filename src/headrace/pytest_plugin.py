"""Fixtures of pytest for programs that use Headrace. Pytest finds them by itself where Headrace is installed.

This module imports nothing of Headrace until a test asks for a fixture, because every run of pytest imports it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from headrace.testing.stack import HeadraceUp


@pytest.fixture(scope="session")
def headrace_settings() -> Mapping[str, str]:
    """The settings of `headrace_up`, as variables. A `conftest.py` defines this fixture again to change them."""
    return {}


@pytest.fixture(scope="session")
def headrace_up(headrace_settings: Mapping[str, str]) -> Generator[HeadraceUp]:
    """A whole Headrace with a home of its own, on ports that are free. It is started once, for the first test that asks for it."""
    from headrace.testing.stack import running_stack

    with running_stack(headrace_settings) as up:
        yield up
