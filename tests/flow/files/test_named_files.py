"""Submissions that name files: each has to belong to whoever submits, and to be there as a whole."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.cluster import Cluster
from tests.conftest import MakeCluster, make_place
from tests.flow.files.steps import add_file
from tests.flow.files.test_files_of_tasks import new_id, run


def wrong(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    assert answer.json()["error_code"] == "invalid_input"
    return {each["path"]: each["message"] for each in answer.json()["errors"]}


async def test_a_file_that_cannot_be_used_is_refused_where_it_stands(with_files: Cluster) -> None:
    own = await add_file(with_files, new_id(), b"text")
    foreign = await add_file(with_files, new_id(), b"theirs", owner="somebody-else")
    unfinished = await add_file(with_files, new_id(), b"half", state="uploading")
    given = {"cover": own, "others": [own, foreign, unfinished, "no such", "../../etc"]}
    answer = await with_files.http.post("/api/v1/tasks", json={"kind": "take_pictures", "input": given})
    nothing = "; upload it first with POST /api/v1/files"
    assert wrong(answer) == {
        "/input/cover": f"file '{own}' is text/plain; this field takes image/*",
        "/input/others/1": f"you have no file '{foreign}'{nothing}",
        "/input/others/2": f"file '{unfinished}' is not complete yet; complete it with PUT /api/v1/files/{unfinished}/completion",
        "/input/others/3": f"you have no file 'no such'{nothing}",
        "/input/others/4": f"you have no file '../../etc'{nothing}",
    }


async def test_what_a_worker_keeps_of_a_task_is_no_file_to_submit(with_files: Cluster) -> None:
    done = await run(with_files, "talk_and_keep")
    kept = next(each["id"] for each in done["files"] if each["role"] == "log")
    answer = await with_files.http.post("/api/v1/tasks", json={"kind": "copy_file", "input": {"source": kept}})
    assert list(wrong(answer)) == ["/input/source"]


async def test_a_file_that_a_task_has_saved_can_be_given_to_another(with_files: Cluster) -> None:
    source = await add_file(with_files, new_id(), b"text")
    first = await run(with_files, "copy_file", source=source, name="source.txt")
    assert (await run(with_files, "copy_file_in_thread", source=first["result"]["file"]))["state"] == "succeeded"


async def test_a_batch_names_each_wrong_file_and_titles_its_tasks_by_the_others(with_files: Cluster) -> None:
    own = await add_file(with_files, new_id(), b"text")
    foreign = await add_file(with_files, new_id(), b"theirs", owner="somebody-else")
    inputs: list[dict[str, Any]] = [{"source": own}] * 3 + [{"source": foreign}, {"source": own}]
    body = {"kind": "copy_file_in_thread", "inputs": inputs}
    assert list(wrong(await with_files.http.post("/api/v1/batches", json=body))) == ["/inputs/3/source"]
    accepted = await with_files.http.post("/api/v1/batches", json=body | {"inputs": inputs[:3]})
    assert accepted.status_code == 202
    last = await with_files.outcome(f"{accepted.json()['id']}-2")
    assert (last["state"], last["title"]) == ("succeeded", "source.txt")


async def test_a_schedule_checks_its_files_when_it_is_made(with_files: Cluster) -> None:
    body = {"kind": "copy_file", "input": {"source": "no-such"}, "every": 3600}
    assert list(wrong(await with_files.http.post("/api/v1/schedules", json=body))) == ["/input/source"]


@pytest.mark.slow
async def test_without_postgres_only_submissions_that_name_files_wait(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_OBJECTS_URL=f"file://{make_place()}")
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    source = await add_file(cluster, new_id(), b"text")
    await cluster.submit("noop")
    async with cluster.without_postgres():
        answer = await cluster.http.post("/api/v1/tasks", json={"kind": "copy_file", "input": {"source": source}})
        assert (answer.status_code, answer.json()["error_code"]) == (503, "read_model_unavailable")
        assert answer.headers["Retry-After"]
        # A kind that takes files, and an input that names none.
        await cluster.submit("take_pictures", others=[])
        await cluster.submit("noop")
