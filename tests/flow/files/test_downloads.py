"""Downloading files from a directory: ranges, what browsers keep, and what they may show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.files.file_steps import PNG, content_of, upload
from tests.screens import show

CONTENT = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
async def file(cluster: Cluster) -> dict[str, Any]:
    return await upload(cluster.http, CONTENT, "bytes.bin")


@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=1000000-", 206, 1_000_000, len(CONTENT)),
        ("bytes=-7", 206, len(CONTENT) - 7, len(CONTENT)),
        ("bytes=5-99999999999", 206, 5, len(CONTENT)),
        ("bytes=9-3", 200, 0, len(CONTENT)),
        ("bytes=0-1,5-6", 200, 0, len(CONTENT)),
        ("lines=1-2", 200, 0, len(CONTENT)),
    ],
)
async def test_a_range_is_sent_as_it_was_asked_for(
    cluster: Cluster, file: dict[str, Any], asked: str, status: int, start: int, end: int
) -> None:
    answer = await content_of(cluster.http, file, Range=asked)
    assert (answer.status_code, answer.content) == (status, CONTENT[start:end])
    assert answer.headers["Content-Length"] == str(end - start)
    assert answer.headers.get("Content-Range") == (f"bytes {start}-{end - 1}/{len(CONTENT)}" if status == 206 else None)


async def test_a_range_behind_the_end_is_refused(cluster: Cluster, file: dict[str, Any]) -> None:
    answer = await content_of(cluster.http, file, Range=f"bytes={len(CONTENT)}-")
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")


async def test_a_client_that_has_the_file_is_sent_nothing_and_one_that_has_another_everything(
    cluster: Cluster, file: dict[str, Any]
) -> None:
    etag = f'"{file["sha256"]}"'
    whole = await content_of(cluster.http, file)
    assert (whole.headers["ETag"], whole.content) == (etag, CONTENT)
    assert whole.headers["Cache-Control"] == "private, max-age=3600, immutable"
    same = await content_of(cluster.http, file, **{"If-None-Match": f'"x", W/{etag}'})
    assert (same.status_code, same.content) == (304, b"")
    part = await content_of(cluster.http, file, **{"Range": "bytes=0-0", "If-Range": etag})
    assert part.status_code == 206
    other = await content_of(cluster.http, file, **{"Range": "bytes=0-0", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, CONTENT)


async def test_head_answers_as_get_without_the_bytes(cluster: Cluster, file: dict[str, Any]) -> None:
    answer = await cluster.http.head(f"/api/v1/files/{file['id']}/content")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))


EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.mark.parametrize(
    ("name", "content", "media_type", "shown"),
    [
        ("photo.png", PNG, "image/png", True),
        ("paper.pdf", b"%PDF-1.7\n1 0 obj", "application/pdf", True),
        ("notes.txt", b"some notes", "text/plain", True),
        ("page.html", b"<html><script>alert(1)</script>", "text/html", False),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml", False),
        ("code.js", b"alert(1)", "text/javascript", False),
        ("polyglot.gif", b"GIF89a/*<html><script>alert(1)</script>*/", "image/gif", False),
        ("polyglot.pdf", b"%PDF-1.7\n<script>alert(1)</script>", "application/pdf", False),
        ("eicar.txt", EICAR, "text/plain", False),
        ("eicar.com", EICAR, "application/octet-stream", False),
        ("anything", b"<html>", "application/octet-stream", False),
    ],
)
async def test_only_what_does_no_harm_is_shown_by_a_browser(
    cluster: Cluster, name: str, content: bytes, media_type: str, shown: bool
) -> None:
    file = await upload(cluster.http, content, name, media_type=media_type)
    answer = await content_of(cluster.http, file)
    assert answer.headers["Content-Disposition"].partition(";")[0] == ("inline" if shown else "attachment")
    assert answer.headers["Content-Type"].partition(";")[0] == media_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_a_file_whose_bytes_are_gone_is_not_found(cluster: Cluster) -> None:
    file = await upload(cluster.http, b"lost")
    (cluster.place / "objects" / "files" / file["owner"] / file["id"] / "content").unlink()
    answer = await content_of(cluster.http, file)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "file_not_found")


async def test_a_cdn_is_given_a_url_that_stays_the_same_and_may_keep_the_file(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_OBJECTS_DOWNLOAD_URL="https://files.example.com")
    await cluster.start("api", "projector")
    file = await upload_without_download(cluster)
    first, second = [await cluster.http.get(f"/api/v1/files/{file['id']}/content") for _ in range(2)]
    assert first.status_code == 307
    url = first.headers["Location"]
    assert url.startswith(f"https://files.example.com/api/v1/downloads/{file['id']}?expires=")
    assert second.headers["Location"] == url
    async with httpx.AsyncClient(base_url=cluster.url, headers={"Host": "files.example.com"}) as cdn:
        asked = url.removeprefix("https://files.example.com")
        answer = await cdn.get(asked)
        assert (answer.status_code, answer.content) == (200, b"for many")
        assert answer.headers["Cache-Control"].startswith("public, max-age=")
        assert answer.headers["Cache-Control"].endswith(", immutable")
        assert answer.headers["ETag"] == f'"{file["sha256"]}"'
        assert (await cdn.get(asked[:-4] + "AAAA")).json()["error_code"] == "invalid_file_url"
        other = await upload_without_download(cluster)
        assert (await cdn.get(asked.replace(file["id"], other["id"]))).status_code == 403


async def upload_without_download(cluster: Cluster) -> dict[str, Any]:
    return await upload(cluster.http, b"for many", "many.txt", media_type="text/plain")


async def test_an_installation_without_a_store_says_so(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_OBJECTS_URL="")
    await cluster.start("api", "projector")
    for method, path in (("GET", "/api/v1/files"), ("GET", "/api/v1/files/x"), ("PUT", "/api/v1/files/x/completion")):
        answer = await cluster.http.request(method, path)
        assert (answer.status_code, answer.json()["error_code"]) == (501, "files_off"), path
    begun = await cluster.http.post("/api/v1/files", json={"name": "a", "size": 1})
    assert begun.json()["error_code"] == "files_off"
    session = (await cluster.http.get("/bff/v1/session")).json()
    assert session["features"]["files"] is False
    assert (await show(cluster.http, "member/account"))["usage"]["storage"] is None


async def test_limits_are_named_when_they_are_passed(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(
        HEADRACE_OBJECTS_FILE_BYTES_MAX=str(1 << 20), HEADRACE_OBJECTS_OWNER_BYTES_MAX=str(3 << 19)
    )
    await cluster.start("api", "projector")
    whole, half = b"x" * (1 << 20), b"x" * (1 << 19)
    large = await cluster.http.post("/api/v1/files", json={"name": "a", "size": (1 << 20) + 1})
    assert (large.status_code, large.json()["error_code"]) == (413, "file_too_large")
    assert "1,048,576 bytes" in large.json()["message"]
    first = await upload(cluster.http, whole)
    full = await cluster.http.post("/api/v1/files", json={"name": "a", "size": (1 << 19) + 1})
    assert (full.status_code, full.json()["error_code"]) == (413, "quota_exceeded")
    assert "1,572,864 bytes" in full.json()["message"]

    async def chunks() -> AsyncIterator[bytes]:
        yield whole
        yield b"x"

    at_once = await cluster.http.post("/api/v1/files/content", params={"name": "a"}, content=whole)
    assert (at_once.status_code, at_once.json()["error_code"]) == (413, "quota_exceeded")
    unknown = await cluster.http.post("/api/v1/files/content", params={"name": "a"}, content=chunks())
    assert (unknown.status_code, unknown.json()["error_code"]) == (413, "file_too_large")
    await cluster.http.delete(f"/api/v1/files/{first['id']}")
    assert (await upload(cluster.http, half))["state"] == "ready"
    usage = (await show(cluster.http, "member/account"))["usage"]["storage"]
    assert usage == {"limit_bytes": 3 << 19, "used_bytes": 1 << 19}
