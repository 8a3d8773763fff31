"""The chart installed, for each test anew."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator

import pytest

from headrace.embedded.postgres import EmbeddedPostgres
from tests.chart.pods.installation import Installation, installation_on

_numbers = itertools.count(1)


@pytest.fixture
async def installation(postgres: EmbeddedPostgres) -> AsyncGenerator[Installation]:
    """A node with nothing on it, and what a release needs."""
    async with installation_on(postgres, f"chart_{next(_numbers)}") as made:
        yield made
