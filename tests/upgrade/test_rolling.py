"""A short upgrade from the version before and back, and one to a version to come; `just upgrade` has more load, and takes other versions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from headrace.embedded.postgres import EmbeddedPostgres
from tests.faults.run_setup import Fault, run_fault
from tests.faults.shared_postgres import SharedPostgres, open_shared_postgres, temporary_place
from tests.upgrade.next_version import make_next_version
from tests.upgrade.rolling import upgrade
from tests.upgrade.summary import summarize
from tests.upgrade.to_next import upgrade_to_next
from tests.upgrade.versions import NoHistory, extract, previous_commit

SEED = 20260
TASKS = 1200
SECONDS = 300.0  # of load; it is hurried when the upgrade is done before

pytestmark = pytest.mark.slow


@pytest.fixture
def place() -> Generator[Path]:
    with temporary_place() as made:
        yield made


@pytest.fixture
async def shared_postgres(postgres: EmbeddedPostgres) -> AsyncGenerator[SharedPostgres]:
    async with open_shared_postgres(postgres) as opened:
        yield opened


async def test_an_upgrade_one_process_after_the_other_and_its_rollback_lose_nothing(
    place: Path, shared_postgres: SharedPostgres, tmp_path: Path
) -> None:
    try:
        before = extract(previous_commit(), place)
    except NoHistory as error:
        pytest.skip(f"this checkout does not know the version before: {error}")
    await check(upgrade(before, TASKS, SECONDS, back=True), shared_postgres, tmp_path)


async def test_this_version_goes_on_beside_and_after_one_that_expands_the_database_and_the_log_and_nothing_new_is_missed(
    place: Path, shared_postgres: SharedPostgres, tmp_path: Path
) -> None:
    await check(upgrade_to_next(make_next_version(place), TASKS, SECONDS), shared_postgres, tmp_path)


async def check(fault: Fault, shared_postgres: SharedPostgres, out: Path) -> None:
    verdict = await run_fault(fault, SEED, TASKS, shared_postgres, out, outage=0)
    assert verdict.violations == [], f"journal: {verdict.file}"
    assert verdict.skipped == []
    assert verdict.tasks >= TASKS
    assert summarize(verdict).answers.keys() <= {200, 202, 409, 503}
