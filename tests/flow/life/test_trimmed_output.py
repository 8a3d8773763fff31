"""A task that has said something leaves the log with all that it has said: what stayed behind would look like a task that runs."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.projector.trimming import Trimming
from tests.conftest import MakeCluster
from tests.flow.life.test_trimmed_log import limited, run_many, trimmed
from tests.flow.life_steps import accepted, ask, cancel, names, read, run_again, tables
from tests.flow.problems import check_problem

TEXT: dict[str, Any] = {"input": {"text": "once"}}


@pytest.mark.slow
@pytest.mark.invariant(1)
@pytest.mark.invariant(2)
@pytest.mark.invariant(4)
async def test_a_task_that_wrote_output_is_over_after_it_has_left_the_log(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_MAX_TASKS="0")
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    talked = await accepted(cluster, "talk")
    threaded = await accepted(cluster, "echo_in_thread", key="key-1", **TEXT)
    await cluster.all_finished([talked["id"], threaded["id"]])
    assert {"progressed", "logged", "emitted"} <= set(await names(cluster, talked["id"]))
    await run_many(cluster, 30)
    await tables(cluster)

    async with limited(cluster, monkeypatch):
        await trimmed(cluster, Trimming(cluster.log, cluster.database_url))
    for task in (talked["id"], threaded["id"]):
        assert await names(cluster, task) == []
        assert (await cluster.http.get(f"/api/v1/tasks/{task}/events")).status_code == 204
        check_problem(await cancel(cluster, task), 409, "task_finished")
        assert (await read(cluster, task))["state"] == "succeeded"
    again = await ask(cluster, "echo_in_thread", key="key-1", **TEXT)
    assert (again.status_code, again.json()["state"]) == (200, "succeeded")
    assert (await run_again(cluster, talked["id"])).status_code == 202
