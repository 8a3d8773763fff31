"""An installation that the tests of this directory share, and leave as it is."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from tests.chart.installation import Installation, installed
from tests.chart.nats_chart import nats_values
from tests.conftest import make_place


@pytest.fixture(scope="session")
async def installation(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[Installation]:
    place = make_place()
    try:
        async with installed(nats_values(), await make_database(), place) as made:
            yield made
    finally:
        shutil.rmtree(place, ignore_errors=True)
