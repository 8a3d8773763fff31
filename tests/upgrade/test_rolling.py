"""A short upgrade from the version before and back, with one seed; `just upgrade` has more load, and takes other versions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from headrace.embedded.postgres import EmbeddedPostgres
from tests.faults.run_setup import run_fault
from tests.faults.shared_postgres import SharedPostgres, open_shared_postgres, temporary_place
from tests.upgrade.rolling import upgrade
from tests.upgrade.summary import summarize
from tests.upgrade.versions import NoHistory, Version, extract, previous_commit

SEED = 20260
TASKS = 600
SECONDS = 220.0  # of load; it is hurried when the upgrade is done before

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def before() -> Generator[Version]:
    with temporary_place() as place:
        try:
            yield extract(previous_commit(), place)
        except NoHistory as error:
            pytest.skip(f"this checkout does not know the version before: {error}")


@pytest.fixture
async def shared_postgres(postgres: EmbeddedPostgres) -> AsyncGenerator[SharedPostgres]:
    async with open_shared_postgres(postgres) as opened:
        yield opened


async def test_an_upgrade_one_process_after_the_other_and_its_rollback_lose_nothing(
    before: Version, shared_postgres: SharedPostgres, tmp_path: Path
) -> None:
    verdict = await run_fault(
        upgrade(before, TASKS, SECONDS, back=True), SEED, TASKS, shared_postgres, tmp_path, outage=0
    )
    assert verdict.violations == [], f"journal: {verdict.file}"
    assert verdict.skipped == []
    assert verdict.tasks >= TASKS
    assert summarize(verdict).answers.keys() <= {200, 202, 409, 503}
