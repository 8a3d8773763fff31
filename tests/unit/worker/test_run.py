from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from headrace.contracts.events import Finished, Outcome, Progressed, decode
from tests.cluster import Cluster
from tests.conftest import ShareCluster
from tests.unit.worker.test_lanes import queue
from tests.waiting import until


@pytest.fixture(scope="module")
async def endings(share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    """One worker of all the kinds that end in odd ways. Each test runs a kind of its own, and it outlives them all."""
    async with share_cluster("worker", HEADRACE_CONSUMERS="tests.unit.worker.ending_kinds") as cluster:
        yield cluster


async def end_of(cluster: Cluster, kind: str) -> Finished:
    """How a task of a kind ends; its worker must outlive it."""
    finishes = f"hr.tasks.finished.{kind}.>"
    await queue(cluster.log, kind)
    await until(lambda: cluster.events(finishes), "its end")
    (end,) = await cluster.events(finishes)
    (worker,) = cluster.members
    assert worker.process.returncode is None
    finished = decode(end.payload)
    assert isinstance(finished, Finished)
    return finished


@pytest.mark.invariant(1)
@pytest.mark.parametrize("kind", ["awaits_what_was_cancelled", "exits", "exits_in_thread"])
async def test_a_handler_that_ends_in_an_exception_of_its_own_has_raised_it(endings: Cluster, kind: str) -> None:
    finished = await end_of(endings, kind)
    assert finished.error is not None
    assert finished.error.code == "raised"


@pytest.mark.invariant(1)
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("cancels_itself", "raised"),
        ("cancels_itself_and_raises", "raised"),
        ("cancels_itself_and_goes_on_for_ever", "timeout"),
        ("cancels_itself_and_returns", None),
    ],
)
async def test_a_handler_that_cancels_its_own_asyncio_task_is_run_once(
    endings: Cluster, kind: str, code: str | None
) -> None:
    finished = await end_of(endings, kind)
    assert (finished.error.code if finished.error else None) == code
    assert len(await endings.events(f"hr.tasks.started.{kind}.>")) == 1


@pytest.mark.invariant(1)
async def test_what_a_handler_says_need_not_be_unicode(endings: Cluster) -> None:
    finished = await end_of(endings, "says_what_has_no_json_form")
    assert finished.outcome is Outcome.SUCCEEDED
    (record,) = await endings.events("hr.tasks.progressed.>")
    said = decode(record.payload)
    assert isinstance(said, Progressed)
    assert said.message == "reading caf\\udce9.txt"
