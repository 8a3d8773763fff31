"""Files in the form of a kind, in a batch, and among what a task has produced."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest
from playwright.async_api import expect

from tests.flow.files.file_steps import upload
from tests.waiting import until
from tests.web.installation import Web

PATIENT: Any = {"timeout": 60_000}
PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj
trailer<</Root 1 0 R>>
"""
IS_SEEN = "(image) => image.complete && image.naturalWidth === 8"


def _png(side: int = 8) -> bytes:
    """A grey square."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + b"\x80" * side) * side
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.slow
async def test_a_file_is_sent_from_the_form_and_the_image_that_its_task_makes_is_shown(web: Web) -> None:
    shown = await web.sign_in("/new?kind=copy_file")
    page = shown.page
    field = page.get_by_role("group", name="Source")
    await field.get_by_role("button", name="Upload a file…").wait_for(**PATIENT)
    await page.get_by_role("button", name="Run it").click()
    await expect(field.get_by_role("button", name="Upload a file…")).to_be_focused()
    photo: Any = {"name": "source.txt", "mimeType": "image/png", "buffer": _png()}
    await field.locator("input[type=file]").set_input_files(photo)
    await expect(field.get_by_text("source.txt")).to_be_visible(**PATIENT)
    await page.get_by_role("textbox", name="Name optional").fill("wheel.png")
    await shown.is_accessible()
    await page.get_by_role("button", name="Run it").click()
    files = page.get_by_role("region", name="Files")
    image = files.get_by_role("link", name="wheel.png").locator("img")
    await image.wait_for(**PATIENT)
    await page.wait_for_function(IS_SEEN, arg=await image.element_handle())
    await expect(files.get_by_role("link", name="path.txt", exact=True)).to_be_visible()
    await shown.is_accessible()

    # What is there already is chosen, and its name is known when the form is filled by its task.
    await shown.goto("/new?kind=copy_file")
    await field.get_by_role("button", name="Choose from your files…").click(**PATIENT)
    await page.get_by_role("dialog").get_by_role("button", name="source.txt").click(**PATIENT)
    await expect(field.get_by_text("source.txt")).to_be_visible()
    await expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.slow
async def test_a_pdf_is_shown_in_a_frame_when_somebody_asks_for_it(web: Web) -> None:
    shown = await web.sign_in()
    http = web.cluster.http_as(shown.key)
    file = await upload(http, PDF, "source.txt", media_type="application/pdf")
    task = await http.post(
        "/api/v1/tasks", json={"kind": "copy_file", "input": {"source": file["id"], "name": "report.pdf"}}
    )
    await shown.goto(f"/tasks/{task.json()['id']}")
    page = shown.page
    await page.get_by_role("button", name="Show report.pdf").click(**PATIENT)
    await expect(page.locator("iframe[title='report.pdf']")).to_be_visible()
    await page.get_by_role("button", name="Hide report.pdf").click()
    await expect(page.locator("iframe")).to_have_count(0)


@pytest.mark.slow
async def test_many_files_become_a_batch_with_a_task_for_each(web: Web) -> None:
    shown = await web.sign_in("/new?kind=copy_file")
    page = shown.page
    await page.get_by_role("radio", name="Many at once").check(**PATIENT)
    chooser = page.get_by_role("group", name="A task for each file").locator("input[type=file]")
    some: Any = [
        {"name": "source.txt", "mimeType": "text/plain", "buffer": f"wheel {number}".encode()} for number in range(30)
    ]
    await chooser.set_input_files(some)
    await expect(page.get_by_role("button", name="Run 30 tasks")).to_be_enabled(**PATIENT)
    await shown.is_accessible()
    await page.get_by_role("button", name="Run 30 tasks").click()
    await page.wait_for_url("**/batches/*", **PATIENT)
    http = web.cluster.http_as(shown.key)

    async def are_done() -> bool:
        tasks = (await http.get("/api/v1/tasks", params={"limit": 100})).json()["items"]
        return [(each["state"], each["title"]) for each in tasks] == [("succeeded", "source.txt")] * 30

    await until(are_done, "a task for each file")
