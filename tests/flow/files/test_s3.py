"""Files in S3: clients send bytes to it and fetch them from it with plain HTTP, and the API only signs and verifies."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.cluster import Cluster
from tests.flow.files.conftest import Faulty
from tests.flow.files.file_steps import PNG, begin, complete, content_of, put_parts, sha256_of, two_parts, upload


async def test_parts_go_to_the_store_and_the_file_comes_from_there(in_s3: Cluster) -> None:
    content = two_parts()
    file = await begin(in_s3.http, content, "große Datei.bin", sha256=sha256_of(content))
    urls = [part["url"] for part in file["upload"]["parts"]]
    assert all("/quarantine/" in url and "X-Amz-Signature=" in url for url in urls)
    await put_parts(file, content)
    done = await complete(in_s3.http, file)
    assert (done.status_code, done.json()["sha256"]) == (200, sha256_of(content))
    answer = await in_s3.http.get(f"/api/v1/files/{file['id']}/content")
    assert answer.status_code == 307
    url = answer.headers["Location"]
    assert int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0]) <= 300
    async with httpx.AsyncClient(timeout=60) as plain:
        part = await plain.get(url, headers={"Range": "bytes=67108860-"})
        assert (part.status_code, part.content) == (206, content[67108860:])
        assert part.headers["Content-Disposition"].startswith("attachment; ")
        assert part.headers["Cache-Control"] == "private, max-age=3600, immutable"
        whole = await plain.get(url)
    assert sha256_of(whole.content) == sha256_of(content)


async def test_a_signed_url_is_good_for_one_object_and_one_method(in_s3: Cluster) -> None:
    first, other = [await begin(in_s3.http, b"four") for _ in range(2)]
    url = first["upload"]["parts"][0]["url"]
    async with httpx.AsyncClient() as plain:
        assert (await plain.put(url.replace(first["id"], other["id"]), content=b"evil")).status_code == 403
        assert (await plain.get(url)).status_code == 403
        assert (
            await plain.put(url.replace("X-Amz-Expires=21600", "X-Amz-Expires=604800"), content=b"x")
        ).status_code == 403
        assert (await plain.put(url, content=b"four")).status_code == 200
    assert (await complete(in_s3.http, first)).status_code == 200


@pytest.mark.parametrize(
    ("content", "sent", "declared", "code"),
    [
        (b"four", b"five5", {}, "wrong_size"),
        (b"<html>", b"<html>", {"media_type": "image/png"}, "wrong_type"),
        (b"four", b"fuor", {"sha256": sha256_of(b"four")}, "wrong_checksum"),
    ],
)
async def test_what_the_store_took_is_refused_when_it_is_not_what_was_declared(
    in_s3: Cluster, content: bytes, sent: bytes, declared: dict[str, str], code: str
) -> None:
    file = await begin(in_s3.http, content, **declared)
    async with httpx.AsyncClient() as plain:
        assert (await plain.put(file["upload"]["parts"][0]["url"], content=sent)).is_success
    answer = await complete(in_s3.http, file)
    assert (answer.status_code, answer.json()["error_code"]) == (422, code)
    assert (await complete(in_s3.http, file)).json()["error_code"] == code


async def test_small_files_and_those_that_are_sent_in_one_call_are_there_as_well(in_s3: Cluster) -> None:
    empty = await upload(in_s3.http, b"", "empty.txt", media_type="text/plain")
    picture = await upload(in_s3.http, PNG, "a.png", media_type="image/png")
    assert (await content_of(in_s3.http, empty)).content == b""
    shown = await content_of(in_s3.http, picture)
    assert (shown.content, shown.headers["Content-Disposition"].partition(";")[0]) == (PNG, "inline")
    answer = await in_s3.http.post("/api/v1/files/content", params={"name": "b.bin"}, content=b"x" * (20 << 20))
    assert answer.status_code == 201, answer.text
    assert (await content_of(in_s3.http, answer.json())).content == b"x" * (20 << 20)
    assert (await in_s3.http.delete(f"/api/v1/files/{picture['id']}")).status_code == 204
    assert (await content_of(in_s3.http, picture)).status_code == 404


async def test_pages_of_the_web_app_may_load_files_from_the_store(in_s3: Cluster) -> None:
    policy = (await in_s3.http.get("/", headers={"Accept": "text/html"})).headers["Content-Security-Policy"]
    if "connect-src" in policy:
        endpoint = in_s3.environ["HEADRACE_OBJECTS_ENDPOINT"]
        assert f"connect-src 'self' {endpoint};" in policy
        assert f"img-src 'self' data: blob: {endpoint};" in policy


async def test_an_upload_goes_on_when_a_store_that_was_away_is_back(faulty: Faulty) -> None:
    http, proxy = faulty.cluster.http, faulty.proxy
    content = b"survives " * 1000
    file = await begin(http, content)
    await put_parts(file, content)
    proxy.go_down()
    refused = await http.put(f"/api/v1/files/{file['id']}/completion", timeout=90)
    assert refused.status_code in (202, 503)
    await proxy.listen()
    while (done := await complete(http, file)).status_code != 200:
        assert (done.status_code, done.json()["error_code"]) == (503, "objects_unavailable")
        await asyncio.sleep(float(done.headers["Retry-After"]))
    assert done.json()["sha256"] == sha256_of(content)


async def test_a_connection_to_the_store_that_breaks_makes_no_half_of_a_file(faulty: Faulty) -> None:
    http, proxy = faulty.cluster.http, faulty.proxy
    content = b"0123456789abcdef" * (1 << 20)
    file = await begin(http, content)
    await put_parts(file, content)
    completing = asyncio.create_task(complete(http, file))
    await proxy.passed(b"partNumber=")
    proxy.cut()
    done = await completing
    while done.status_code == 503:
        done = await complete(http, file)
    assert (done.status_code, done.json()["sha256"]) == (200, sha256_of(content))
    assert sha256_of((await content_of(http, file)).content) == sha256_of(content)
