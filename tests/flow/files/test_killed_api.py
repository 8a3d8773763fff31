"""An API process that is killed while it verifies an upload."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.conftest import MakeCluster
from tests.flow.files.file_steps import begin, complete, content_of, put_parts, sha256_of, two_parts
from tests.waiting import until


@pytest.mark.slow
async def test_an_upload_whose_completion_was_killed_is_completed_by_another_process(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    api, _ = await cluster.start("api", "projector")
    content = two_parts()
    file = await begin(cluster.http, content)
    await put_parts(file, content)

    async def send() -> None:
        with pytest.raises(httpx.TransportError):
            await complete(cluster.http, file)

    async def is_verifying() -> bool:
        return (await cluster.rows("SELECT state FROM files"))[0]["state"] == "verifying"

    sending = asyncio.create_task(send())
    await until(is_verifying, "the verification to begin")
    api.process.kill()
    await sending
    await cluster.start("api")
    # It has the upload for as long as the dead one could have it.
    done = await complete(cluster.http, file)
    assert (done.status_code, done.json()["sha256"]) == (200, sha256_of(content))
    assert sha256_of((await content_of(cluster.http, file)).content) == sha256_of(content)
    assert [each for each in (cluster.place / "objects" / "quarantine").rglob("*") if each.is_file()] == []
