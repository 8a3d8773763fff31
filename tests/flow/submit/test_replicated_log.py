"""A log of three copies: it answers duplicates in another order, and who reads may be told by a server that is behind."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.conftest import make_place
from tests.flow.life_steps import ask, calls, cancel, names, timers
from tests.flow.problems import check_problem
from tests.nats_cluster import replicated_cluster_on

pytestmark = pytest.mark.slow  # to start it takes longest

BODY: dict[str, Any] = {"input": {"text": "once"}}


@pytest.fixture(scope="module")
async def copies(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[Cluster]:
    place = make_place()
    few = {"HEADRACE_CONSUMERS": "tests.kinds.plain"}  # each has consumers of three copies
    async with replicated_cluster_on(place, await make_database(), **few) as made:
        await made.start("api", "worker", "projector")
        await made.until_kinds_known()
        yield made
    shutil.rmtree(place)


@pytest.mark.invariant(4)
@pytest.mark.parametrize("when", [{}, {"delay": 0.05}, {"delay": 0.6}], ids=["now", "soon", "later"])
async def test_many_equal_submissions_under_one_key_make_one_task_in_a_replicated_log(
    copies: Cluster, when: dict[str, float]
) -> None:
    key = secrets.token_hex(8)
    answers = await asyncio.gather(*(ask(copies, "echo", key, **BODY, **when) for _ in range(50)))
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 49}
    (task,) = {answer.json()["id"] for answer in answers}
    assert (await copies.outcome(task))["state"] == "succeeded"
    assert (calls(copies, task), await timers(copies, task)) == (1, 0)
    begin = ["deferred"] if when.get("delay", 0) > 0.5 else []
    assert await names(copies, task) == [*begin, "queued", "started", "finished"]
    again = await ask(copies, "echo", key, **BODY, **when)
    assert (again.status_code, again.json()["state"]) == (200, "succeeded")


@pytest.mark.invariant(4)
async def test_a_key_with_another_body_is_refused_by_a_replicated_log(copies: Cluster) -> None:
    for first, then in (({}, {"priority": "high"}), ({}, {"delay": 600}), ({"delay": 600}, {})):
        key = secrets.token_hex(8)
        task = await ask(copies, "echo", key, **BODY, **first)
        assert task.status_code == 202
        check_problem(await ask(copies, "echo", key, **BODY, **then), 422, "idempotency_key_reused")
        again = await ask(copies, "echo", key, **BODY, **first)
        assert (again.status_code, again.json()["id"]) == (200, task.json()["id"])


@pytest.mark.invariant(4)
async def test_of_many_different_submissions_under_one_key_a_replicated_log_accepts_one(copies: Cluster) -> None:
    key = secrets.token_hex(8)
    answers = await asyncio.gather(*(ask(copies, "echo", key, input={"text": str(number % 5)}) for number in range(20)))
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 3, 422: 16}


async def test_a_task_can_be_cancelled_as_soon_as_a_replicated_log_has_accepted_it(copies: Cluster) -> None:
    async def submit_and_cancel() -> str:
        task = (await ask(copies, "echo", **BODY, delay=600)).json()["id"]
        for _ in range(2):
            answer = await cancel(copies, task)
            assert (answer.status_code, answer.json().get("state")) == (200, "cancelled"), answer.text
        return task

    for _ in range(5):
        cancelled = await asyncio.gather(*(submit_and_cancel() for _ in range(10)))
        for task in cancelled:
            assert await timers(copies, task) == 0
