"""Uploading files, in a directory and in S3: the parts, their completion, and what is refused."""

from __future__ import annotations

import httpx

from tests.cluster import Cluster
from tests.flow.files.file_steps import begin, complete, content_of, put_parts, sha256_of, two_parts


async def test_a_file_is_uploaded_in_one_part_and_read_back(cluster: Cluster) -> None:
    content = b"one,two\n1,2\n"
    file = await begin(cluster.http, content, "numbers.csv", media_type="text/csv", sha256=sha256_of(content))
    assert (file["state"], len(file["upload"]["parts"])) == ("uploading", 1)
    await put_parts(file, content)
    done = await complete(cluster.http, file)
    assert done.status_code == 200
    found = done.json()
    assert (found["state"], found["size"], found["sha256"]) == ("ready", len(content), sha256_of(content))
    answer = await content_of(cluster.http, file)
    assert (answer.status_code, answer.content) == (200, content)


async def test_a_file_of_two_parts_is_resumed_with_those_that_are_missing(cluster: Cluster) -> None:
    content = two_parts()
    file = await begin(cluster.http, content)
    first, second = file["upload"]["parts"]
    async with httpx.AsyncClient(timeout=60) as plain:
        assert (await plain.put(second["url"], content=content[second["start"] :])).is_success
    missing = await complete(cluster.http, file)
    assert (missing.status_code, missing.json()["error_code"]) == (409, "parts_missing")
    again = (await cluster.http.get(f"/api/v1/files/{file['id']}")).json()
    assert [part["url"] is None for part in again["upload"]["parts"]] == [False, True]
    await put_parts(again, content)
    done = await complete(cluster.http, file)
    assert done.json()["sha256"] == sha256_of(content)
    answer = await content_of(cluster.http, file)
    assert sha256_of(answer.content) == sha256_of(content)
    assert first["size"] + second["size"] == len(content)
