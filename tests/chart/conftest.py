"""What is about the chart has a gate of its own, `just chart`, and one installation that its tests share and leave as it is."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.chart.installation import Installation, installed
from tests.chart.nats_chart import nats_values
from tests.conftest import make_place

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all that is below this folder, before pytest leaves out what is not asked for."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.chart)


@pytest.fixture(scope="session")
async def installation(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[Installation]:
    place = make_place()
    try:
        async with installed(nats_values(), await make_database(), place) as made:
            yield made
    finally:
        shutil.rmtree(place, ignore_errors=True)
