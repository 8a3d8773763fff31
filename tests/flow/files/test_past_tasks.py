"""Handlers that read other tasks and batches of their owner: on the event loop, in a thread and in a process."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.contracts.large_values import INLINE_BYTES_MAX
from headrace.sdk.past_tasks import BATCH_RESULT_BYTES_MAX
from tests.cluster import Cluster
from tests.flow.batch_steps import settled, submit
from tests.flow.files.test_files_of_tasks import run

FORMS = ("read_past", "read_past_in_thread", "read_past_in_process")


async def read(cluster: Cluster, kind: str, **given: Any) -> dict[str, Any]:
    found = await run(cluster, kind, **given)
    assert found["state"] == "succeeded", found["error"]
    return found["result"]


@pytest.mark.parametrize("kind", FORMS)
async def test_a_handler_reads_a_task_of_its_owner_with_its_result(with_files: Cluster, kind: str) -> None:
    part = await run(with_files, "make_part", name="Zoë", chars=INLINE_BYTES_MAX + 10)
    assert any(each["role"] == "result" for each in part["files"])
    found = (await read(with_files, kind, of_task=part["id"]))["of_task"]
    assert (found["id"], found["kind"], found["title"]) == (part["id"], "make_part", "Zoë")
    assert (found["state"], found["result"]["name"], found["error"]) == ("succeeded", "Zoë", None)
    assert found["result_bytes"] > INLINE_BYTES_MAX
    assert found["run_seconds"] == part["run_seconds"]
    failed = await run(with_files, "make_part", name="b", fail=True)
    found = (await read(with_files, kind, of_task=failed["id"]))["of_task"]
    assert (found["state"], found["error"]["message"], found["result"]) == ("failed", failed["error"]["message"], None)


@pytest.mark.parametrize("kind", FORMS)
async def test_a_handler_reads_a_batch_of_its_owner_and_each_task_once(with_files: Cluster, kind: str) -> None:
    inputs: list[dict[str, Any]] = [{"name": f"part {number}", "fail": number % 10 == 0} for number in range(300)]
    inputs.append({"name": "large", "chars": BATCH_RESULT_BYTES_MAX})
    batch = (await submit(with_files, "make_part", inputs, name="Parts"))["id"]
    other = (await submit(with_files, "make_part", [{"name": "other"}]))["id"]
    await settled(with_files, batch)
    await settled(with_files, other)
    found = await read(with_files, kind, of_batch=batch)
    assert (found["of_batch"]["name"], found["of_batch"]["total"], found["of_batch"]["finished"]) == ("Parts", 301, 301)
    assert found["of_batch"]["settled_at"]
    tasks = {each["title"]: each for each in found["tasks"]}
    assert len(tasks) == len(found["tasks"]) == 301
    assert tasks["part 1"]["result"] == {"name": "part 1", "filled": ""}
    assert tasks["part 10"]["state"] == "failed"
    assert "part 10 is broken" in tasks["part 10"]["error"]["message"]
    assert (tasks["large"]["result"], tasks["large"]["result_bytes"] > BATCH_RESULT_BYTES_MAX) == (None, True)


async def test_a_task_that_was_run_again_is_read_as_it_is_now(with_files: Cluster) -> None:
    batch = (await submit(with_files, "make_part", [{"name": "a", "fail": True}, {"name": "b"}]))["id"]
    await settled(with_files, batch)
    answer = await with_files.http.post(f"/api/v1/tasks/{batch}-0/runs")
    assert answer.status_code == 202, answer.text
    await with_files.outcome(f"{batch}-0")
    await settled(with_files, batch)
    found = await read(with_files, "read_past", of_batch=batch)
    assert sorted(each["title"] for each in found["tasks"]) == ["a", "b"]
    assert len(found["of_batch"]["superseded"]) == 1


@pytest.mark.parametrize("kind", FORMS)
async def test_what_belongs_to_somebody_else_is_missing_like_what_never_was(with_files: Cluster, kind: str) -> None:
    other = with_files.http_as((await with_files.make_user()).key)
    answer = await other.post("/api/v1/tasks", json={"kind": "make_part", "input": {"name": "theirs"}})
    theirs = answer.json()["id"]
    await other.get(f"/api/v1/tasks/{theirs}", params={"wait": 10})
    answer = await other.post("/api/v1/batches", json={"kind": "make_part", "inputs": [{"name": "theirs"}]})
    for given in ({"of_task": theirs}, {"of_task": "never"}, {"of_task": "*"}, {"of_task": "a.b"}):
        assert (await read(with_files, kind, **given))["missing"].startswith(
            ("there is no task", f"{given['of_task']!r} is no id")
        )
    for batch in (answer.json()["id"], "never", "*"):
        assert (await read(with_files, kind, of_batch=batch))["missing"]


async def test_a_task_that_was_deleted_is_missing(with_files: Cluster) -> None:
    part = await run(with_files, "make_part", name="a")
    answer = await with_files.http.delete(f"/api/v1/tasks/{part['id']}")
    assert answer.status_code in (200, 202, 204), answer.text
    assert "there is no task" in (await read(with_files, "read_past", of_task=part["id"]))["missing"]
