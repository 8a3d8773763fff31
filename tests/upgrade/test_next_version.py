"""The made-up version to come can be made of this one, keeps the rules, and what it shows can be missed."""

from __future__ import annotations

import runpy
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import pytest

from tests.faults.journal import Did
from tests.faults.observations import Logged, Observations, read_columns, read_tables
from tests.upgrade.migration_rules import refused, statements
from tests.upgrade.next_version import HUE, make_next_version
from tests.upgrade.to_next import nothing_new_is_missed

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SHOWN = {"id": "one", "colour": HUE, "tint": "warm"}


def record(sequence: int, event: str, **data: Any) -> Logged:
    return Logged(sequence, "one", event, "instant", NOON.replace(second=sequence), {"attempt": 1, **data})


def history(**left_out: bool) -> list[Logged]:
    """The events of a task that only processes of the newer version had to do with."""
    events = [
        record(1, "queued", fence=0, hue=HUE, input={}),
        record(2, "coloured", colour=HUE),
        record(3, "started", tint="warm"),
        record(4, "finished", outcome="succeeded"),
    ]
    return [each for each in events if not left_out.get(each.event)]


def violations(records: list[Logged], row: dict[str, Any], *entries: Did) -> list[str]:
    return [*nothing_new_is_missed(Observations(entries=[*entries], epoch=1, records=records, tasks=[row]))]


async def test_it_can_be_made_of_this_version_and_grants_a_worker_the_event_that_it_adds(tmp_path: Path) -> None:
    users = await make_next_version(tmp_path).users("secret")
    (worker,) = [each for each in users if each["user"] == "worker"]
    assert "hr.tasks.coloured.*.*.*.*" in worker["permissions"]["publish"]["allow"]


def test_its_migrations_are_such_as_a_version_may_have(tmp_path: Path) -> None:
    make_next_version(tmp_path)
    paths = sorted((tmp_path / "migrations/versions").glob("*_next_*.py"))
    assert [path.stem[5:] for path in paths] == ["next_columns", "next_index"]
    for path in paths:
        migration = ModuleType(path.stem)
        migration.__dict__.update(runpy.run_path(str(path)))
        assert [*refused(statements(migration), is_contraction=False)] == []


def test_nothing_is_missed_when_each_process_knows_what_it_reads() -> None:
    assert violations(history(), SHOWN) == []


@pytest.mark.parametrize("column", ["colour", "tint"])
def test_a_projector_that_does_not_know_what_a_worker_writes_is_noticed(column: str) -> None:
    (found,) = violations(history(), {**SHOWN, column: None})
    assert f"one has {column} None" in found


def test_a_worker_that_does_not_know_what_an_api_writes_is_noticed() -> None:
    found = violations(history(coloured=True), {**SHOWN, "colour": "grey"})
    assert any("started on a worker that does not read it" in each for each in found)


def test_a_worker_of_the_older_version_may_miss_it_once_one_has_come_back() -> None:
    came_back = Did(action="worker-1 becomes checkout", wall=NOON.replace(second=10).timestamp())
    later = [
        Logged(each.sequence + 20, "two", each.event, "instant", each.at.replace(second=30), each.data)
        for each in history(coloured=True)
    ]
    assert violations([*history(), *later], SHOWN, came_back) == []


def test_a_run_in_which_nothing_new_was_written_shows_nothing() -> None:
    assert len(violations([record(1, "queued", fence=0, input={}), record(2, "started")], SHOWN)) == 3


async def test_a_column_that_is_renamed_and_a_table_that_is_dropped_are_found_where_added_ones_are_not(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    before, after = [await make_database() for _ in range(2)]
    for url in (before, after):
        connection = await asyncpg.connect(url)
        await connection.execute("INSERT INTO counts (owner, kind, state, n) VALUES ('ada', 'instant', 'queued', 1)")
        if url == after:
            await connection.execute("ALTER TABLE counts ADD COLUMN colour text")
            await connection.execute("CREATE TABLE colours (id text)")
            assert await read_tables(after, await read_columns(before)) == await read_tables(before)
            await connection.execute("ALTER TABLE counts RENAME COLUMN n TO number; DROP TABLE failures")
        await connection.close()
    found = await read_tables(after, await read_columns(before))
    assert found["counts"] == ['(instant,"there is no n",ada,queued)']
    assert (await read_tables(before)).keys() - found.keys() == {"failures"}
