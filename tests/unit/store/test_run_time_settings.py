"""Settings at run time: one version follows another, and of two at once one is refused."""

from __future__ import annotations

import asyncio

import pytest

from headrace.api.identity_database import IdentityDatabase
from headrace.store import run_time_settings
from headrace.store.identity_tables import RunTimeSettingsRow
from headrace.store.run_time_settings import find_newest_settings, insert_settings
from tests.unit.store.identity_rows import NOW


async def write(database: IdentityDatabase, version: int, document: str = "{}") -> bool:
    row = RunTimeSettingsRow(version=version, at=NOW, by="local", document=document)
    async with database.transaction() as session:
        return await insert_settings(session, row)


async def test_a_version_is_written_by_one_and_only_after_the_one_before_it(
    database: IdentityDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_time_settings, "VERSIONS_MAX", 2)
    async with database.transaction() as session:
        assert await find_newest_settings(session) is None
    assert not await write(database, 2)
    assert sorted(await asyncio.gather(*(write(database, 1) for _ in range(10)))) == [False] * 9 + [True]
    for version in (2, 3):
        assert not await write(database, version + 1)
        assert await write(database, version, f'{{"version": {version}}}')
        assert not await write(database, version)
    async with database.transaction() as session:
        newest = await find_newest_settings(session)
    assert newest == RunTimeSettingsRow(version=3, at=NOW, by="local", document='{"version": 3}')
