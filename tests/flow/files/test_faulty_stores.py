"""A store behind a network that fails: cut, hung and refused connections, and URLs that have expired."""

from __future__ import annotations

import random
from time import time

import httpx
import pytest

from headrace.api.files.parts import use_of_part
from headrace.contracts.files import content_key
from headrace.identity.file_urls import FileUrls
from headrace.identity.secrets import Secrets
from headrace.objects import open_objects
from tests.accounts import SECRET
from tests.cluster import Cluster
from tests.flow.files.conftest import Faulty
from tests.flow.files.file_steps import begin, content_of, sha256_of, upload
from tests.flow.files.steps import named
from tests.flow.files.test_files_of_tasks import events_of, file_rows
from tests.flow.problems import check_problem
from tests.proxy import Break
from tests.waiting import until


async def becomes_deferred(cluster: Cluster, task: str) -> None:
    async def deferred() -> bool:
        return bool(await events_of(cluster, task, "deferred"))

    await until(deferred, "the second attempt to be due")


@pytest.mark.slow
async def test_connections_that_break_while_a_file_is_read_cost_no_byte_of_it(faulty: Faulty) -> None:
    cluster, proxy = faulty.cluster, faulty.proxy
    content = random.Random(1).randbytes(12 << 20)
    file = await upload(cluster.http, content, "source.txt")
    proxy.break_at_random(random.Random(7), 8 << 20, [Break.CLOSE, Break.RESET])
    try:
        task = await cluster.submit("copy_file", source=file["id"])
        found = await cluster.outcome(task["id"], 60)
    finally:
        proxy.break_no_more()
    assert found["state"] == "succeeded", found["error"]
    assert proxy.breaks.total() > 0
    assert {each["checksum"] for each in named(found).values()} == {sha256_of(content)}
    for each in named(found).values():
        assert sha256_of((await content_of(cluster.http, each)).content) == sha256_of(content)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["save_in_thread", "save_large_result"])
async def test_a_store_that_hangs_has_the_task_tried_again_within_its_timeout(faulty: Faulty, kind: str) -> None:
    cluster, proxy = faulty.cluster, faulty.proxy
    proxy.hold_answers()
    try:
        task = await cluster.submit(kind)
        await becomes_deferred(cluster, task["id"])
        (deferred,) = await events_of(cluster, task["id"], "deferred")
        assert deferred.error.message.startswith("the storage of files did not ")
        assert await file_rows(cluster, task["id"]) == []
    finally:
        proxy.cut()
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["attempt"]) == ("succeeded", 2)
    assert len(await file_rows(cluster, task["id"])) == 1


@pytest.mark.slow
async def test_a_submission_that_needs_a_store_which_is_away_is_refused_and_accepted_later(faulty: Faulty) -> None:
    cluster, proxy = faulty.cluster, faulty.proxy
    text = "x" * (300 << 10)
    body = {"kind": "repeat_text", "input": {"text": text}}
    proxy.go_down()
    try:
        problem = check_problem(
            await cluster.http.post("/api/v1/tasks", json=body, timeout=90), 503, "objects_unavailable"
        )
    finally:
        await proxy.listen()
    assert "try again" in problem["detail"]
    answer = await cluster.http.post("/api/v1/tasks", json=body)
    assert answer.status_code == 202
    assert (await cluster.outcome(answer.json()["id"]))["result"] == text


async def test_a_url_of_this_api_that_has_expired_moves_no_byte(cluster: Cluster) -> None:
    urls, expires = FileUrls(Secrets([SECRET])), int(time()) - 1
    file = await begin(cluster.http, b"four")
    signature = urls.sign(use_of_part(file["id"], 1), expires)
    part = f"{cluster.url}/api/v1/files/{file['id']}/parts/1?expires={expires}&signature={signature}"
    done = await upload(cluster.http, b"done")
    signature = urls.sign(f"get {done['id']}", expires)
    download = f"{cluster.url}/api/v1/downloads/{done['id']}?expires={expires}&signature={signature}"
    async with httpx.AsyncClient() as plain:
        check_problem(await plain.put(part, content=b"four"), 403, "file_url_expired")
        check_problem(await plain.get(download), 403, "file_url_expired")
    answer = await cluster.http.get(f"/api/v1/files/{file['id']}")
    assert answer.json()["upload"]["parts"][0]["url"] is not None


async def test_a_url_of_the_store_that_has_expired_moves_no_byte(in_s3: Cluster) -> None:
    objects = open_objects(in_s3.settings.objects)
    assert objects is not None
    file = await upload(in_s3.http, b"for a second")
    key = content_key(file["owner"], file["id"])
    read, write = await objects.sign("GET", key, 1), await objects.sign("PUT", key, 1)
    assert read is not None
    assert write is not None
    async with httpx.AsyncClient() as plain:

        async def expired() -> bool:
            return (await plain.get(read)).status_code == 403

        await until(expired, "the URL to expire")
        assert (await plain.put(write, content=b"evil")).status_code == 403
    assert (await content_of(in_s3.http, file)).content == b"for a second"
