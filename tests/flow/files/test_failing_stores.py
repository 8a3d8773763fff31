"""Stores that hang or refuse, and workers that die while they write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.conftest import MakeCluster, make_place
from tests.flow.files.steps import named, read_stored
from tests.flow.files.test_files_of_tasks import events_of, file_rows, run
from tests.waiting import until

REFUSAL = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
S3_ENVIRON = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"}


@asynccontextmanager
async def store_that(*, refuses: bool) -> AsyncGenerator[str]:
    """An S3 that refuses each request, or answers none."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        if refuses:
            await reader.read(1)
            writer.write(REFUSAL)
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for each in writers:
            each.close()


@pytest.mark.slow
@pytest.mark.parametrize("refuses", [True, False])
async def test_a_store_that_fails_has_the_task_tried_again_and_leaves_no_half_a_result(
    make_cluster: MakeCluster, refuses: bool
) -> None:
    async with store_that(refuses=refuses) as endpoint:
        store = {"HEADRACE_OBJECTS_URL": "s3://bucket", "HEADRACE_OBJECTS_ENDPOINT": endpoint}
        cluster = await make_cluster(**store, **S3_ENVIRON)
        await cluster.start("api", "worker", "projector")
        await cluster.until_kinds_known()
        talked = await cluster.submit("talk_and_keep", lines=1)
        # The kind is tried again after nothing that its handler raises; a store that fails is another matter.
        found = await run(cluster, "save_in_thread")
        assert (found["state"], found["attempt"], found["error"]["code"]) == ("failed", 2, "raised")
        assert found["error"]["message"].startswith("the storage of files ")
        assert found["error"]["message"].endswith("; but this was attempt 2 of 2")
        assert await events_of(cluster, found["id"]) == []
        assert await file_rows(cluster, found["id"]) == []
        # What cannot be kept holds up the end of a task for two seconds at most.
        done = await cluster.outcome(talked["id"])
        assert (done["state"], done["files"]) == ("succeeded", [])
        (finished,) = await cluster.events(f"hr.tasks.finished.*.*.*.{talked['id']}")
        (started,) = await cluster.events(f"hr.tasks.started.*.*.*.{talked['id']}")
        assert (finished.at - started.at).total_seconds() < 5


@pytest.mark.slow
async def test_a_worker_killed_while_it_saves_leaves_no_file_and_the_next_one_saves_it_once(
    make_cluster: MakeCluster,
) -> None:
    scratch = make_place()
    cluster = await make_cluster(HEADRACE_OBJECTS_URL=f"file://{make_place()}", HEADRACE_WORKER_SCRATCH=str(scratch))
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await cluster.submit("save_file", size=3 << 20, gate="half-way")
    await until((cluster.place / "half-way-reached").exists, "the save to be under way")
    (of_killed,) = scratch.glob("worker-*")
    worker.process.kill()
    await worker.exited()
    assert await events_of(cluster, task["id"]) == []
    cluster.open_gate("half-way")
    await cluster.start("worker")
    found = await cluster.outcome(task["id"])
    assert found["state"] == "succeeded"
    (stored,) = await events_of(cluster, task["id"])
    (saved,) = named(found).values()
    assert saved["id"] == stored.file == found["result"]
    assert read_stored(cluster, saved["id"]) == bytes(3 << 20)
    assert len(cluster.calls()) == 2
    assert not of_killed.exists()
