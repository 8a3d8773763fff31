"""A short selection of the faults, with one seed; `just faults` has all of them, under more load."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from headrace.embedded.postgres import EmbeddedPostgres
from tests.faults.faults import FAULTS
from tests.faults.run_setup import run_fault
from tests.faults.shared_postgres import SharedPostgres, open_shared_postgres

SELECTION = ("nats-killed", "worker-after-outcome")
SEED = 20260
TASKS = 300
OUTAGE_SECONDS = 2.0


@pytest.fixture(scope="module")
async def shared_postgres(postgres: EmbeddedPostgres) -> AsyncGenerator[SharedPostgres]:
    async with open_shared_postgres(postgres) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.invariant(1)
@pytest.mark.invariant(2)
@pytest.mark.invariant(3)
@pytest.mark.invariant(4)
@pytest.mark.invariant(6)
@pytest.mark.invariant(7)
@pytest.mark.parametrize("name", SELECTION)
async def test_every_promise_holds_under_a_fault(name: str, shared_postgres: SharedPostgres, tmp_path: Path) -> None:
    verdict = await run_fault(FAULTS[name], SEED, TASKS, shared_postgres, tmp_path, OUTAGE_SECONDS)
    assert verdict.violations == [], f"journal: {verdict.file}"
    assert verdict.skipped == []
    assert verdict.tasks >= TASKS
