"""What a batch has made, saved from its page: its results, and all files of its tasks as one archive."""

from __future__ import annotations

import json
import zipfile
from typing import Any

import pytest
from playwright.async_api import expect

from tests.flow.files.file_steps import upload
from tests.web.conftest import MakeWeb

PATIENT: Any = {"timeout": 60_000}
TEXTS = ("The wheel turns by itself.", "The water goes on to the sea.")


@pytest.mark.slow
async def test_the_results_and_the_files_of_a_batch_are_saved_from_its_page(make_web: MakeWeb) -> None:
    web = await make_web("api", "worker", "projector", HEADRACE_CONSUMERS="consumers")
    shown = await web.sign_in()
    page = shown.page
    http = web.cluster.http_as(shown.key)
    files = [
        await upload(http, text.encode(), f"{number}.txt", media_type="text/plain") for number, text in enumerate(TEXTS)
    ]
    lines = "\n".join(json.dumps({"document": file["id"]}) for file in files)
    batch = await http.post(
        "/api/v1/batches",
        params={"kind": "document_text", "name": "Rivers"},
        content=lines,
        headers={"Content-Type": "application/x-ndjson"},
    )
    await shown.goto(f"/batches/{batch.json()['id']}")
    async with page.expect_download(**PATIENT) as downloading:
        await page.get_by_role("link", name="Save results").click(**PATIENT)
    saved = (await (await downloading.value).path()).read_text().splitlines()
    assert [json.loads(line)["title"] for line in saved] == ["0.txt", "1.txt"]
    await shown.is_accessible()

    await page.get_by_role("button", name="All files as a ZIP").click(**PATIENT)
    await page.wait_for_url("**/tasks/*", **PATIENT)
    download = page.get_by_role("region", name="Files").get_by_role("link", name="Download Rivers.zip")
    await expect(download).to_be_visible(**PATIENT)
    async with page.expect_download() as downloading:
        await download.click()
    with zipfile.ZipFile(await (await downloading.value).path()) as archive:
        texts = [archive.read(name).decode() for name in archive.namelist() if name.endswith("text.txt")]
    assert sorted(text.strip() for text in texts) == sorted(TEXTS)
