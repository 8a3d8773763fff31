from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest
from msgspec.structs import replace

from headrace.cli.terminal import submit
from headrace.cli.terminal.api import Api
from headrace.cli.terminal.without_streams import views_of_batch
from headrace.client import Client, ProblemError
from headrace.contracts.batches import BatchState
from headrace.contracts.tasks import State, TaskSummary
from tests.cli.canned import Server, problem
from tests.cli.test_client_retries import BATCH, TASK


async def test_following_a_task_waits_for_its_end_where_there_are_no_streams(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = msgspec.to_builtins(replace(TASK, state=State.SUCCEEDED)) | {"input": {}, "result": 5}
    server = Server(problem(404, "no_such_route"), httpx.Response(200, json=done))

    @asynccontextmanager
    async def open_canned(api: Api) -> AsyncGenerator[Client]:
        async with server.client() as client:
            yield client

    async def submitted(_: Client) -> TaskSummary:
        return TASK

    monkeypatch.setattr(submit, "open_client", open_canned)
    assert await submit.submit_task(Api("http://headrace"), submitted, follow=True, wait=False) == 0
    said = capsys.readouterr()
    assert said.out == "5\n"
    assert "serves no event streams (they are in the mount `streams`" in said.err
    assert server.asked() == [f"GET /tasks/{TASK.id}/events", f"GET /tasks/{TASK.id}"]


async def test_a_batch_is_asked_for_until_it_settles_where_there_are_no_streams() -> None:
    settled = replace(BATCH, state=BatchState.SETTLED)
    server = Server(
        problem(404, "no_such_route"),
        *(httpx.Response(200, json=msgspec.to_builtins(each)) for each in (BATCH, settled)),
    )
    async with server.client() as client:
        assert [view async for view in views_of_batch(client, BATCH.id)] == [BATCH, settled]


async def test_other_refusals_to_be_followed_are_passed_on() -> None:
    async with Server(problem(404, "not_found")).client() as client:
        with pytest.raises(ProblemError, match="not_found"):
            await anext(views_of_batch(client, BATCH.id))
