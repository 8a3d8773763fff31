"""Batches over many files, the results of batches, and tasks that are about these."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from headrace.contracts.batch_results import BatchResult
from headrace.contracts.tasks import State
from headrace.contracts.titles import short_id
from tests.cluster import Cluster
from tests.flow.batch_steps import settled, submit
from tests.flow.files.steps import add_file
from tests.flow.files.test_files_of_tasks import new_id
from tests.flow.files.test_named_files import wrong

UNCLEAR: list[tuple[dict[str, Any], str]] = [
    ({"files": ["a"], "inputs": [{}]}, "/inputs"),
    ({"files": ["a"], "input": {"source": "b"}}, "/input/source"),
    ({"files": ["a"], "file_field": "name"}, "/file_field"),
    ({"files": []}, "/files"),
    ({"inputs": [{}], "input": {"name": "a"}}, "/input"),
    ({"inputs": [{}], "file_field": "source"}, "/file_field"),
    ({"kind": "name_files", "files": ["a"]}, "/file_field"),
    ({"kind": "echo", "files": ["a"]}, "/files"),
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"kind": "copy_file"}, "/results_of"),
    ({"input": {"results": "a"}}, "/input/results"),
    ({"input": {"other": 1}}, "/input"),
    ({"expires_in": 1, "delay": 2}, "/expires_in"),
]

LINES = msgspec.json.Decoder(BatchResult)


async def results(cluster: Cluster, batch: str) -> list[BatchResult]:
    answer = await cluster.http.get(f"/api/v1/batches/{batch}/results")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return LINES.decode_lines(answer.content)


async def over_files(cluster: Cluster, files: list[str], **more: Any) -> httpx.Response:
    return await cluster.http.post("/api/v1/batches", json={"kind": "copy_file", "files": files, **more})


async def about(cluster: Cluster, batch: str, key: str | None = None, **more: Any) -> httpx.Response:
    body: dict[str, Any] = {"kind": "sum_results", "input": {}, "results_of": batch, **more}
    headers = {} if key is None else {"Idempotency-Key": key}
    return await cluster.http.post("/api/v1/tasks", json=body, headers=headers)


async def names_of_files(cluster: Cluster) -> list[str]:
    return [each["name"] for each in (await cluster.http.get("/api/v1/files?limit=200")).json()["items"]]


async def copied(cluster: Cluster, count: int) -> dict[str, Any]:
    """A settled batch, whose tasks have saved three files each."""
    files = [await add_file(cluster, new_id(), b"text") for _ in range(count)]
    accepted = await over_files(cluster, files, input={"name": "made.txt"}, name="May/June")
    assert accepted.status_code == 202, accepted.text
    return await settled(cluster, accepted.json()["id"])


async def test_a_kind_is_run_over_many_files_with_one_call(with_files: Cluster) -> None:
    files = [await add_file(with_files, new_id(), b"text") for _ in range(3)]
    accepted = await over_files(with_files, files, input={"name": "made.txt"})
    assert accepted.status_code == 202, accepted.text
    batch = await settled(with_files, accepted.json()["id"])
    assert batch["counts"]["succeeded"] == 3
    last = (await with_files.http.get(f"/api/v1/tasks/{batch['id']}-2")).json()
    assert last["input"] == {"name": "made.txt", "source": files[2]}


async def test_a_wrong_file_is_refused_by_its_place_and_a_wrong_rest_once(with_files: Cluster) -> None:
    own = await add_file(with_files, new_id(), b"text")
    assert list(wrong(await over_files(with_files, [own, "gone"]))) == ["/files/1"]
    assert list(wrong(await over_files(with_files, [own, own], input={"name": 1}))) == ["/input/name"]


@pytest.mark.parametrize(("body", "path"), UNCLEAR)
async def test_a_batch_of_files_that_is_not_clear_is_refused_where_it_is_not(
    with_files: Cluster, body: dict[str, Any], path: str
) -> None:
    answer = await with_files.http.post("/api/v1/batches", json={"kind": "copy_file", **body})
    assert answer.status_code in (400, 422), answer.text
    assert path in [each["path"] for each in answer.json()["errors"]]


async def test_a_batch_that_was_accepted_is_known_by_its_key_also_when_its_files_are_gone(with_files: Cluster) -> None:
    files = [await add_file(with_files, new_id(), b"text") for _ in range(2)]
    body, headers = {"kind": "copy_file", "files": files}, {"Idempotency-Key": new_id()}
    first = await with_files.http.post("/api/v1/batches", json=body, headers=headers)
    assert first.status_code == 202, first.text
    await settled(with_files, first.json()["id"])
    assert (await with_files.http.delete(f"/api/v1/files/{files[1]}")).status_code == 204
    again = await with_files.http.post("/api/v1/batches", json=body, headers=headers)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    refused = await with_files.http.post("/api/v1/batches", json=body, headers={"Idempotency-Key": new_id()})
    assert list(wrong(refused)) == ["/files/1"]


async def test_the_results_of_a_batch_are_sent_in_the_order_of_its_inputs(with_files: Cluster) -> None:
    batch = await copied(with_files, 60)
    await with_files.http.delete(f"/api/v1/tasks/{batch['id']}-5")
    found = await results(with_files, batch["id"])
    assert [each.index for each in found] == [number for number in range(60) if number != 5]
    assert {each.state for each in found} == {State.SUCCEEDED}
    assert [file.name for file in found[0].files] == ["bytes.txt", "path.txt", "made.txt"]
    assert msgspec.json.decode(found[0].result)["file"] == found[0].files[2].id


async def test_a_batch_that_goes_on_has_lines_for_what_is_open(with_files: Cluster) -> None:
    batch = await submit(with_files, "save_file", [{"gate": "/nowhere"}, {"size": 1}])
    first = (await results(with_files, batch["id"]))[0]
    assert (first.state.final, bytes(first.result)) == (False, b"null")
    refused = await about(with_files, batch["id"])
    assert (refused.status_code, refused.json()["error_code"]) == (409, "batch_not_settled")
    await with_files.http.put(f"/api/v1/batches/{batch['id']}/cancellation")
    await settled(with_files, batch["id"])


async def test_a_task_about_a_batch_reads_its_results_and_its_files(with_files: Cluster) -> None:
    batch = await copied(with_files, 60)
    accepted = await about(with_files, batch["id"])
    assert accepted.status_code == 202, accepted.text
    done = await with_files.outcome(accepted.json()["id"])
    assert done["result"] == {"tasks": 60, "failed": 0, "bytes": 60 * 3 * 4}
    assert any(name.startswith("May_June ") and name.endswith(".ndjson") for name in await names_of_files(with_files))


async def test_a_task_about_a_batch_is_made_once_with_a_key_and_so_are_its_results(with_files: Cluster) -> None:
    batch = await copied(with_files, 1)
    key = new_id()
    first, second = await about(with_files, batch["id"], key), await about(with_files, batch["id"], key)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]
    assert len([name for name in await names_of_files(with_files) if short_id(batch["id"]) in name]) == 1
    other = await about(with_files, batch["id"], key, labels={"a": "b"})
    assert (other.status_code, other.json()["error_code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(("more", "path"), REFUSED)
async def test_a_task_about_a_batch_that_is_refused_leaves_no_file(
    with_files: Cluster, more: dict[str, Any], path: str
) -> None:
    batch = await copied(with_files, 1)
    before = await names_of_files(with_files)
    assert path in wrong(await about(with_files, batch["id"], **more))
    assert await names_of_files(with_files) == before


async def test_a_batch_that_nobody_has_has_no_results(with_files: Cluster) -> None:
    for answer in (await with_files.http.get("/api/v1/batches/b-1/results"), await about(with_files, "b-1")):
        assert (answer.status_code, answer.json()["error_code"]) == (404, "batch_not_found")
