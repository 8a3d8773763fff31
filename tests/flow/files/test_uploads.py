"""Uploading files to a directory: the parts, their completion, what is refused, and what is nobody else's."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from tests.cluster import Cluster
from tests.flow.files.file_steps import PNG, begin, complete, content_of, put_parts, sha256_of, two_parts, upload
from tests.flow.problems import check_problem
from tests.waiting import until


async def test_a_file_is_uploaded_in_one_part_and_read_back(cluster: Cluster) -> None:
    content = b"one,two\n1,2\n"
    file = await begin(cluster.http, content, "numbers.csv", media_type="text/csv", sha256=sha256_of(content))
    assert (file["state"], len(file["upload"]["parts"])) == ("uploading", 1)
    await put_parts(file, content)
    done = await complete(cluster.http, file)
    assert done.status_code == 200
    found = done.json()
    assert (found["state"], found["size"], found["sha256"]) == ("ready", len(content), sha256_of(content))
    assert found["expires_at"] is None
    answer = await content_of(cluster.http, file)
    assert (answer.status_code, answer.content) == (200, content)


async def test_a_file_of_two_parts_is_resumed_with_those_that_are_missing(cluster: Cluster) -> None:
    content = two_parts()
    file = await begin(cluster.http, content)
    first, second = file["upload"]["parts"]
    assert first["size"] + second["size"] == len(content)
    async with httpx.AsyncClient(timeout=60) as plain:
        assert (await plain.put(second["url"], content=content[second["start"] :])).is_success
    missing = await complete(cluster.http, file)
    assert (missing.status_code, missing.json()["error_code"]) == (409, "parts_missing")
    again = (await cluster.http.get(f"/api/v1/files/{file['id']}")).json()
    assert [part["url"] is None for part in again["upload"]["parts"]] == [False, True]
    await put_parts(again, content)
    assert (await complete(cluster.http, file)).json()["sha256"] == sha256_of(content)
    assert sha256_of((await content_of(cluster.http, file)).content) == sha256_of(content)
    assert list((cluster.place / "objects" / "quarantine").rglob("*" + file["id"] + "/*")) == []


async def test_a_file_without_a_byte_is_a_file(cluster: Cluster) -> None:
    file = await upload(cluster.http, b"", "empty.txt", media_type="text/plain")
    assert (file["size"], file["sha256"]) == (0, sha256_of(b""))
    answer = await content_of(cluster.http, file)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_file_is_uploaded_in_one_call(cluster: Cluster) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"some "
        yield b"text"

    params = {"name": "some.txt", "sha256": sha256_of(b"some text")}
    known = await cluster.http.post(
        "/api/v1/files/content", params=params, content=b"some text", headers={"Content-Type": "text/plain"}
    )
    streamed = await cluster.http.post("/api/v1/files/content", params=params, content=chunks())
    for answer, media_type in ((known, "text/plain"), (streamed, "application/octet-stream")):
        assert answer.status_code == 201, answer.text
        file = answer.json()
        assert (file["state"], file["size"], file["media_type"]) == ("ready", 9, media_type)
        assert answer.headers["Location"] == f"/api/v1/files/{file['id']}"
        assert (await content_of(cluster.http, file)).content == b"some text"


async def test_nothing_is_left_of_an_upload_in_one_call_that_is_cut(cluster: Cluster) -> None:
    made = await cluster.make_user()
    host = urlsplit(cluster.url)
    _, writer = await asyncio.open_connection(host.hostname, host.port)
    writer.write(
        f"POST /api/v1/files/content?name=cut.bin HTTP/1.1\r\nHost: {host.netloc}\r\nAuthorization: Bearer {made.key}\r\n"
        "Content-Length: 1000000\r\n\r\n".encode()
    )
    writer.write(b"x" * 500_000)
    await writer.drain()
    http = cluster.http_as(made.key)

    async def items() -> list[dict[str, str]]:
        return (await http.get("/api/v1/files")).json()["items"]

    async def is_there() -> bool:
        return bool(await items())

    async def is_gone() -> bool:
        return not await items()

    await until(is_there, "the upload to begin")
    writer.close()
    await until(is_gone, "the upload to be removed")
    assert [file for file in (cluster.place / "objects" / "files").glob(f"{made.id}/*/*") if file.is_file()] == []


@pytest.mark.parametrize("name", ["Übergrößen 2026 最終版.csv", 'a "quoted"; name=x.txt', "x" * 255, "100%.txt"])
async def test_a_name_comes_back_as_it_was_given(cluster: Cluster, name: str) -> None:
    file = await upload(cluster.http, b"x", unicodedata.normalize("NFD", name))
    assert file["name"] == unicodedata.normalize("NFC", name)
    disposition = (await content_of(cluster.http, file)).headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="')
    assert disposition.isascii()
    assert unquote(disposition.partition("filename*=UTF-8''")[2]) == file["name"]


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..", ".", "a/b", "a\\b", "", "   ", "a\nb", "a\x00b", "a\u202eb", "x" * 256, "x" * 300],
)
async def test_a_name_that_no_file_may_have_is_refused_with_its_path(cluster: Cluster, name: str) -> None:
    answer = await cluster.http.post("/api/v1/files", json={"name": name, "size": 1})
    assert answer.status_code in (400, 422), answer.text
    assert [each["path"] for each in answer.json()["errors"]] == ["/name"]


@pytest.mark.parametrize(
    ("content", "declared", "code"),
    [
        (b"<html><script>alert(1)</script>", {"media_type": "image/png"}, "wrong_type"),
        (PNG, {"media_type": "application/pdf"}, "wrong_type"),
        (PNG, {"media_type": "text/plain"}, "wrong_type"),
        (b"%PDF-1.7 and so on", {"media_type": "text/plain"}, "wrong_type"),
        (b'{"a": "\xff"}', {"media_type": "application/json"}, "wrong_type"),
        (b"some text", {"sha256": sha256_of(b"another text")}, "wrong_checksum"),
    ],
)
async def test_a_file_that_is_not_what_was_declared_is_refused_each_time_it_is_completed(
    cluster: Cluster, content: bytes, declared: dict[str, str], code: str
) -> None:
    file = await begin(cluster.http, content, **declared)
    await put_parts(file, content)
    for _ in range(2):
        answer = await complete(cluster.http, file)
        assert (answer.status_code, answer.json()["error_code"]) == (422, code)
    found = (await cluster.http.get(f"/api/v1/files/{file['id']}")).json()
    assert (found["state"], found["upload"]) == ("refused", None)
    assert found["reason"].startswith(code)
    assert (await content_of(cluster.http, file)).json()["error_code"] == "file_not_ready"
    assert [each for each in (cluster.place / "objects").rglob(f"*{file['id']}*/*") if each.is_file()] == []
    at_once = await cluster.http.post(
        "/api/v1/files/content",
        params={"name": "a", **{name: value for name, value in declared.items() if name == "sha256"}},
        content=content,
        headers={"Content-Type": declared.get("media_type", "text/plain")},
    )
    assert (at_once.status_code, at_once.json()["error_code"]) == (422, code)


async def test_a_text_may_be_of_any_encoding_of_eight_bits_or_utf_16(cluster: Cluster) -> None:
    for content in ("Größe;1\n".encode("cp1252"), "Größe;1\n".encode("utf-16")):
        assert (await upload(cluster.http, content, "a.csv", media_type="text/csv"))["state"] == "ready"


@pytest.mark.parametrize("number", ["null", "-1", "1.5", "99999999999999999999"])
async def test_a_part_whose_number_is_none_is_not_found(cluster: Cluster, number: str) -> None:
    headers = {"Content-Type": "application/octet-stream"}
    path = f"/api/v1/files/nope/parts/{number}?expires=0&signature=x"
    answer = await cluster.http_as(None).put(path, content=b"bytes", headers=headers)
    assert answer.status_code in (400, 403, 404), answer.text


@pytest.mark.parametrize("size", [3, 5])
async def test_a_part_of_another_size_is_refused_and_nothing_is_left_of_it(cluster: Cluster, size: int) -> None:
    file = await begin(cluster.http, b"four")
    async with httpx.AsyncClient() as plain:
        answer = await plain.put(file["upload"]["parts"][0]["url"], content=b"x" * size)
    assert (answer.status_code, answer.json()["error_code"]) == (422, "wrong_size")
    assert (await complete(cluster.http, file)).json()["error_code"] == "parts_missing"


async def test_the_url_of_a_part_is_good_for_that_part_alone_and_until_it_expires(cluster: Cluster) -> None:
    first, other = [await begin(cluster.http, b"four") for _ in range(2)]
    url = first["upload"]["parts"][0]["url"]
    expires = url.partition("expires=")[2].partition("&")[0]
    changed = {
        "another file": url.replace(first["id"], other["id"]),
        "another part": url.replace("/parts/1?", "/parts/2?"),
        "another end": url.replace(expires, str(int(expires) + 1)),
        "no signature": url.partition("&signature")[0],
        "another signature": url[:-4] + "AAAA",
    }
    async with httpx.AsyncClient() as plain:
        for what, each in changed.items():
            answer = await plain.put(each, content=b"four")
            assert (answer.status_code, answer.json()["error_code"]) == (403, "invalid_file_url"), what
        assert (await plain.put(url, content=b"four")).status_code == 204
        assert (await plain.get(url)).status_code == 405
    assert (await complete(cluster.http, first)).status_code == 200
    async with httpx.AsyncClient() as plain:
        late = await plain.put(url, content=b"evil")
    assert (late.status_code, late.json()["error_code"]) == (409, "upload_ended")
    assert (await content_of(cluster.http, first)).content == b"four"


async def test_completions_at_the_same_time_end_with_the_same_file(cluster: Cluster) -> None:
    content = b"the same " * 100_000
    file = await begin(cluster.http, content)
    await put_parts(file, content)
    answers = await asyncio.gather(*(complete(cluster.http, file) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert {answer.json()["ready_at"] for answer in answers} == {answers[0].json()["ready_at"]}


async def test_files_are_nobody_elses(cluster: Cluster) -> None:
    file = await upload(cluster.http, b"mine", "mine.txt")
    open_one = await begin(cluster.http, b"mine")
    stranger = cluster.http_as((await cluster.make_user()).key)
    for method, path in (
        ("GET", f"/api/v1/files/{file['id']}"),
        ("GET", f"/api/v1/files/{file['id']}/content"),
        ("DELETE", f"/api/v1/files/{file['id']}"),
        ("PUT", f"/api/v1/files/{open_one['id']}/completion"),
    ):
        answer = await stranger.request(method, path)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "file_not_found"), (method, path)
    assert (await stranger.get("/api/v1/files")).json()["items"] == []
    assert (await content_of(cluster.http, file)).content == b"mine"


async def test_a_deleted_file_is_gone_with_its_bytes(cluster: Cluster) -> None:
    file = await upload(cluster.http, b"short-lived")
    assert (await cluster.http.delete(f"/api/v1/files/{file['id']}")).status_code == 204
    assert (await cluster.http.delete(f"/api/v1/files/{file['id']}")).status_code == 404
    assert (await content_of(cluster.http, file)).status_code == 404
    assert [each for each in (cluster.place / "objects").rglob(f"*{file['id']}*/*") if each.is_file()] == []


async def test_a_part_whose_upload_was_deleted_before_it_was_sent_is_told_so(cluster: Cluster) -> None:
    file = await begin(cluster.http, b"a part")
    assert (await cluster.http.delete(f"/api/v1/files/{file['id']}")).status_code == 204
    url = file["upload"]["parts"][0]["url"]
    async with httpx.AsyncClient() as plain:
        check_problem(await plain.put(url, content=b"a part"), 404, "file_not_found")
        check_problem(await plain.put(url[:-4] + "AAAA", content=b"a part"), 403, "invalid_file_url")
    assert [each for each in (cluster.place / "objects").rglob(f"*{file['id']}*/*") if each.is_file()] == []


async def test_a_part_that_arrives_after_its_upload_was_deleted_leaves_nothing(cluster: Cluster) -> None:
    file = await begin(cluster.http, b"a part")

    async def deleted_meanwhile() -> AsyncIterator[bytes]:
        yield b"a "
        assert (await cluster.http.delete(f"/api/v1/files/{file['id']}")).status_code == 204
        yield b"part"

    async with httpx.AsyncClient(timeout=60) as plain:
        answer = await plain.put(file["upload"]["parts"][0]["url"], content=deleted_meanwhile())
    assert (answer.status_code, answer.json()["error_code"]) == (404, "file_not_found")
    assert [each for each in (cluster.place / "objects").rglob(f"*{file['id']}*/*") if each.is_file()] == []


async def test_a_name_that_no_database_can_look_for_is_refused(cluster: Cluster) -> None:
    for path in ("/api/v1/files", "/bff/v1/member/files"):
        answer = await cluster.http.get(path, params={"q": "a\0b"})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "malformed_request"), path


async def test_files_are_listed_newest_first_and_found_by_a_part_of_their_name(cluster: Cluster) -> None:
    http = cluster.http_as((await cluster.make_user()).key)
    for name in ("Report 1.pdf", "photo.png", "report 2.txt"):
        await upload(http, b"%PDF-1.7" if name.endswith("pdf") else b"x", name)
    pages = [(await http.get("/api/v1/files", params={"limit": 2})).json()]
    pages.append((await http.get("/api/v1/files", params={"limit": 2, "cursor": pages[0]["next_cursor"]})).json())
    assert [[each["name"] for each in page["items"]] for page in pages] == [
        ["report 2.txt", "photo.png"],
        ["Report 1.pdf"],
    ]
    assert pages[1]["next_cursor"] is None
    found = (await http.get("/api/v1/files", params={"q": "REPORT", "state": "ready"})).json()["items"]
    assert [each["name"] for each in found] == ["report 2.txt", "Report 1.pdf"]
    assert (await http.get("/api/v1/files", params={"task": "none"})).json()["items"] == []
