from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from headrace.api.v1 import bulk
from headrace.contracts.bulk import BulkRequest
from headrace.contracts.filters import Filter
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable, TooLarge
from headrace.identity_errors import NotAuthenticated
from headrace.store.filtered_tasks import Found

TASKS = [Found(None, f"t{number}", "u1") for number in range(10)]
EVERYTHING = BulkRequest(select=Filter(), per_second=500)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A process whose read model selects ten tasks."""

    @asynccontextmanager
    async def session() -> AsyncGenerator[None]:
        yield

    async def count_selected(*_: object, **__: object) -> int:
        return len(TASKS)

    async def list_selected(*_: object, **__: object) -> list[Found]:
        return TASKS

    async def read_checkpoint(_: object) -> Position:
        return Position(1, 5)

    monkeypatch.setattr(bulk, "count_tasks", count_selected)
    monkeypatch.setattr(bulk, "find_page", list_selected)
    monkeypatch.setattr(bulk, "read_checkpoint", read_checkpoint)
    return SimpleNamespace(read_model=SimpleNamespace(session=session), log=SimpleNamespace(epoch=1))


@pytest.mark.parametrize("error", [TooLarge("the input is too large by now"), ValueError("nobody foresaw this")])
async def test_one_task_that_cannot_be_changed_leaves_the_others_changed(api: Any, error: Exception) -> None:
    async def change(task: Found) -> int | None:
        if task.id == "t3":
            raise error
        return 100 + int(task.id[1:])

    with capture_logs() as logs:
        result = await bulk.change_selected(api, "u1", EVERYTHING, change, final=True)
    assert (result.matched, result.done, result.remaining, result.position) == (10, 9, 0, "1-109")
    assert [(line["log_level"], line["task_id"]) for line in logs] == [("error", "t3")]


@pytest.mark.parametrize("error", [LogUnavailable("the log does not answer"), NotAuthenticated("it was revoked")])
async def test_an_outage_or_a_credential_that_is_revoked_ends_the_request(api: Any, error: Exception) -> None:
    async def change(task: Found) -> int | None:
        if task.id == "t3":
            raise error
        # The others would never end by themselves.
        return await asyncio.Event().wait() and 100

    with pytest.raises(type(error)):
        await bulk.change_selected(api, "u1", EVERYTHING, change, final=True)
