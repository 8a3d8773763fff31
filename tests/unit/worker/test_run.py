from __future__ import annotations

import pytest

from headrace.contracts.events import Finished, Outcome, Progressed, decode
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.unit.worker.test_lanes import queue
from tests.waiting import until


async def end_of(cluster: Cluster, kind: str) -> Finished:
    """How a task of a kind ends; its worker must outlive it."""
    (worker,) = await cluster.start("worker")
    await queue(cluster.log, kind)
    await until(lambda: cluster.events("hr.tasks.finished.>"), "its end")
    (end,) = await cluster.events("hr.tasks.finished.>")
    assert worker.process.returncode is None
    finished = decode(end.payload)
    assert isinstance(finished, Finished)
    return finished


@pytest.mark.invariant(1)
@pytest.mark.parametrize("kind", ["awaits_what_was_cancelled", "exits", "exits_in_thread"])
async def test_a_handler_that_ends_in_an_exception_of_its_own_has_raised_it(
    make_cluster: MakeCluster, kind: str
) -> None:
    finished = await end_of(await make_cluster(HEADRACE_CONSUMERS="tests.unit.worker.ending_kinds"), kind)
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
    make_cluster: MakeCluster, kind: str, code: str | None
) -> None:
    cluster = await make_cluster(HEADRACE_CONSUMERS="tests.unit.worker.ending_kinds")
    finished = await end_of(cluster, kind)
    assert (finished.error.code if finished.error else None) == code
    assert len(await cluster.events("hr.tasks.started.>")) == 1


@pytest.mark.invariant(1)
async def test_what_a_handler_says_need_not_be_unicode(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_CONSUMERS="tests.unit.worker.ending_kinds")
    finished = await end_of(cluster, "says_what_has_no_json_form")
    assert finished.outcome is Outcome.SUCCEEDED
    (record,) = await cluster.events("hr.tasks.progressed.>")
    said = decode(record.payload)
    assert isinstance(said, Progressed)
    assert said.message == "reading caf\\udce9.txt"
