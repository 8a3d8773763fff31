"""The screen for files: dropped, cut, continued, shown and deleted."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Dialog, Page, Request, Route, expect

from headrace.contracts.files import PART_BYTES
from tests.waiting import until
from tests.web.installation import PHONE, Web
from tests.web.watched import Watched

PATIENT: Any = {"timeout": 60_000}
END = b"the end"
# A file of two parts, made where it is dropped: 64 MB through playwright would take longer than the upload.
DROP = """
([name, size, end]) => {
  const files = new DataTransfer();
  files.items.add(new File([new Uint8Array(size), end], name));
  for (const type of ["dragenter", "dragover", "drop"])
    document.querySelector("main").dispatchEvent(
      new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: files}));
}
"""
SHA256 = hashlib.sha256(bytes(PART_BYTES) + END).hexdigest()


async def _files_of(web: Web, shown: Watched) -> list[dict[str, Any]]:
    return (await web.cluster.http_as(shown.key).get("/api/v1/files")).json()["items"]


def _count_parts(page: Page) -> Callable[[], list[str]]:
    """Note the number of each part that is sent from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        path = urlsplit(request.url).path
        if request.method == "PUT" and "/parts/" in path:
            sent.append(path.rpartition("/")[2])

    page.on("request", note)
    return lambda: sent


def _two_parts(place: Path) -> Path:
    file = place / "year.bin"
    with file.open("wb") as opened:
        opened.truncate(PART_BYTES)
        opened.seek(PART_BYTES)
        opened.write(END)
    return file


@pytest.mark.slow
async def test_a_dropped_file_arrives_through_a_cut_connection_without_a_part_sent_twice(web: Web) -> None:
    shown = await web.sign_in("/files")
    page = shown.page
    await expect(page.get_by_text("No files yet.")).to_be_visible(**PATIENT)
    await shown.is_accessible()
    is_cut = asyncio.Event()

    async def cut(route: Route) -> None:
        is_cut.set()
        await route.abort("connectionreset")

    await page.route("**/parts/2?*", cut)
    sent = _count_parts(page)
    async with shown.in_trouble():
        await page.evaluate(DROP, ["year.bin", PART_BYTES, END.decode()])
        panel = page.get_by_role("region", name="Sending files")
        await expect(panel.get_by_role("progressbar", name="year.bin")).to_be_visible(**PATIENT)
        await expect(panel.get_by_text("the connection is lost, it goes on by itself")).to_be_visible(**PATIENT)
        await shown.is_accessible()
        # What takes room is counted from its begin.
        await expect(page.get_by_role("meter")).to_have_attribute(
            "aria-valuetext", re.compile(r"67\sMB of 54\sGB · 1 file"), **PATIENT
        )
        await page.unroute("**/parts/2?*")
        await expect(page.get_by_role("link", name="year.bin", exact=True)).to_be_visible(**PATIENT)
    assert is_cut.is_set()
    assert sent().count("1") == 1
    await expect(panel).to_have_count(0)
    (file,) = await _files_of(web, shown)
    assert (file["state"], file["size"], file["sha256"]) == ("ready", PART_BYTES + len(END), SHA256)


@pytest.mark.slow
async def test_an_upload_goes_on_after_the_page_was_left_when_the_same_file_is_chosen_again(
    web: Web, tmp_path: Path
) -> None:
    shown = await web.sign_in("/files", device=PHONE)
    page = shown.page
    asked: list[str] = []

    async def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    page.on("dialog", leave)
    chooser = page.locator("main header input[type=file]")
    await page.route("**/parts/2?*", lambda route: route.abort("connectionreset"))
    sent = _count_parts(page)
    async with shown.in_trouble():
        await chooser.set_input_files(_two_parts(tmp_path), timeout=60_000)
        await expect(page.get_by_text("the connection is lost")).to_be_visible(**PATIENT)
        assert not await shown.scrolls_sideways()
        await until(lambda: _has_part(web, shown), "the first part")
        await page.reload()
    await expect(page.get_by_role("button", name="Go on with year.bin")).to_be_visible(**PATIENT)
    await page.unroute("**/parts/2?*")
    before = len(sent())
    async with page.expect_file_chooser() as choosing:
        await page.get_by_role("button", name="Go on with year.bin").click()
    await (await choosing.value).set_files(tmp_path / "year.bin")
    await expect(page.get_by_role("link", name="year.bin", exact=True)).to_be_visible(**PATIENT)
    assert sent()[before:] == ["2"]
    (file,) = await _files_of(web, shown)
    assert (file["state"], file["sha256"]) == ("ready", SHA256)


async def _has_part(web: Web, shown: Watched) -> bool:
    (file,) = await _files_of(web, shown)
    detail = (await web.cluster.http_as(shown.key).get(f"/api/v1/files/{file['id']}")).json()
    return detail["upload"]["parts"][0]["url"] is None


async def test_files_are_found_by_name_and_deleted_and_what_is_no_image_is_refused(web: Web) -> None:
    shown = await web.sign_in("/files")
    page = shown.page
    chooser = page.locator("main header input[type=file]")
    some: Any = [
        {"name": name, "mimeType": media_type, "buffer": content}
        for name, media_type, content in (
            ("notes.txt", "text/plain", b"The wheel turns."),
            ("empty.txt", "text/plain", b""),
            ("false.png", "image/png", b"no image"),
        )
    ]
    await chooser.set_input_files(some, timeout=60_000)
    panel = page.get_by_role("region", name="Sending files")
    await expect(panel.get_by_role("alert")).to_contain_text("image/png", **PATIENT)
    for name in ("notes.txt", "empty.txt"):
        await expect(page.get_by_role("link", name=name, exact=True)).to_be_visible(**PATIENT)
    await shown.is_accessible()
    await panel.get_by_role("button", name="Dismiss false.png").click()
    await expect(panel).to_have_count(0)

    await page.keyboard.press("/")
    await page.keyboard.type("OTES")
    await expect(page.get_by_role("link", name="empty.txt", exact=True)).to_have_count(0, **PATIENT)
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download notes.txt").click()
    assert (await (await downloading.value).path()).read_bytes() == b"The wheel turns."
    await page.get_by_role("button", name="Delete notes.txt").click()
    await expect(page.get_by_text("A task that was given this file and has not read it yet fails.")).to_be_visible()
    await shown.is_accessible()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_text("notes.txt was deleted")).to_be_visible(**PATIENT)
    await expect(page.get_by_text("No file has “OTES” in its name.")).to_be_visible(**PATIENT)
    assert {each["name"] for each in await _files_of(web, shown)} <= {"empty.txt", "false.png"}


async def test_uploads_are_stopped_together_and_nothing_is_left_of_them(web: Web) -> None:
    shown = await web.sign_in("/files")
    page = shown.page
    is_over = asyncio.Event()

    async def hold(route: Route) -> None:
        await is_over.wait()
        await route.abort()

    await page.route("**/parts/*", hold)
    async with shown.in_trouble():
        some: Any = [
            {"name": f"{number}.txt", "mimeType": "text/plain", "buffer": b"The wheel turns."} for number in range(9)
        ]
        await page.locator("main header input[type=file]").set_input_files(some, timeout=60_000)
        panel = page.get_by_role("region", name="Sending files")
        await expect(panel.get_by_text("0 of 9 files")).to_be_visible(**PATIENT)
        await expect(panel.get_by_text("6 more files")).to_be_visible(**PATIENT)
        await until(lambda: _count_files(web, shown, 3), "the uploads that have begun")
        await shown.is_accessible()
        await panel.get_by_role("button", name="Stop all").click()
        await expect(panel).to_have_count(0)
        await expect(page.get_by_text("No files yet.")).to_be_visible(**PATIENT)
        is_over.set()
    await until(lambda: _count_files(web, shown, 0), "the uploads to be gone")


async def _count_files(web: Web, shown: Watched, count: int) -> bool:
    return len(await _files_of(web, shown)) == count
