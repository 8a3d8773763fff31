"""Installations for the commands for accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.accounts.installation import Installation, MakeDatabase


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEADRACE_DATABASE_URL", "HEADRACE_API_SECRETS", "HEADRACE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def installation(make_database: MakeDatabase, place: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    url = await make_database()
    monkeypatch.setenv("HEADRACE_DATABASE_URL", url)
    return Installation(url, place)
