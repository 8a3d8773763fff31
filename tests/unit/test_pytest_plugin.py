"""The fixtures for users of Headrace, as pytest loads them."""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys

import pytest

from headrace.testing.stack import HeadraceUp

PROGRAM = (
    "import sys, pytest, headrace.pytest_plugin; print(*(each for each in sys.modules if each.startswith('headrace')))"
)


def test_pytest_is_told_of_the_plugin_by_the_package() -> None:
    (found,) = importlib.metadata.entry_points(group="pytest11", name="headrace")
    assert found.value == "headrace.pytest_plugin"


async def test_a_run_of_pytest_imports_nothing_of_headrace_but_the_plugin() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().split() == ["headrace", "headrace.pytest_plugin"]


@pytest.fixture(scope="session")
def headrace_settings() -> dict[str, str]:
    return {"HEADRACE_CONSUMERS": "tests.unit.kinds_that_run"}


@pytest.mark.slow
async def test_a_test_follows_a_task_in_a_headrace_of_its_own(headrace_up: HeadraceUp) -> None:
    assert headrace_up.key not in repr(headrace_up)
    async with headrace_up.client() as client:
        task = await client.submit("limited", {"times": 3})
        assert [event.event async for event in client.follow(task.id)][-1] == "finished"
        assert await client.result(task.id) == "xxx"
