"""Results and inputs that are kept in the store, on the page of their task."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.async_api import expect

from tests.waiting import until
from tests.web.installation import Web
from tests.web.watched import Watched

PATIENT: Any = {"timeout": 60_000}
LINE = "The wheel turns. "
MEGABYTE = 1 << 20


async def _repeat(web: Web, shown: Watched, times: int, text: str = LINE) -> str:
    http = web.cluster.http_as(shown.key)
    task = (
        await http.post("/api/v1/tasks", json={"kind": "repeat_text", "input": {"text": text, "times": times}})
    ).json()["id"]

    async def is_done() -> bool:
        return (await http.get(f"/api/v1/tasks/{task}")).json()["state"] == "succeeded"

    await until(is_done, "the result")
    return task


async def test_a_result_of_a_megabyte_is_shown_when_somebody_asks_for_it_and_saved_whole(web: Web) -> None:
    shown = await web.sign_in()
    page = shown.page
    times = MEGABYTE // len(LINE)
    task = await _repeat(web, shown, times)
    await shown.goto(f"/tasks/{task}")
    result = page.get_by_role("region", name="Result", exact=True)
    await expect(result.get_by_text("It has 1 MB, which is more than this page loads by itself.")).to_be_visible(
        **PATIENT
    )
    await shown.is_accessible()
    async with page.expect_download() as downloading:
        await result.get_by_role("button", name="Save as a file").click()
    download = await downloading.value
    assert download.suggested_filename == f"{task}-result.json"
    assert json.loads((await download.path()).read_text()) == LINE * times

    await result.get_by_role("button", name="Show", exact=True).click()
    text = result.get_by_role("region", name="Text")
    await expect(text).to_be_visible(**PATIENT)
    drawn = await text.inner_text()
    assert (LINE * times).startswith(drawn)
    await result.get_by_role("button", name="Show more").click()
    await page.wait_for_function(
        "([text, before]) => text.innerText.length > before", arg=[await text.element_handle(), len(drawn)]
    )
    await shown.is_accessible()


@pytest.mark.slow
async def test_a_result_that_no_answer_has_is_saved_from_the_store(web: Web) -> None:
    shown = await web.sign_in()
    page = shown.page
    times = 9 * MEGABYTE // len(LINE)
    await shown.goto(f"/tasks/{await _repeat(web, shown, times)}")
    result = page.get_by_role("region", name="Result", exact=True)
    async with page.expect_download(**PATIENT) as downloading:
        await result.get_by_role("link", name="Save as a file").click(**PATIENT)
    assert json.loads((await (await downloading.value).path()).read_text()) == LINE * times


async def test_a_large_input_is_shown_cut_and_saved_whole(web: Web) -> None:
    shown = await web.sign_in()
    page = shown.page
    text = LINE * (MEGABYTE // len(LINE))
    await shown.goto(f"/tasks/{await _repeat(web, shown, 0, text)}")
    panel = page.get_by_role("region", name="Input", exact=True)
    await panel.get_by_role("button", name="Show", exact=True).click(**PATIENT)
    await expect(panel.get_by_text("text:")).to_be_visible(**PATIENT)
    assert len(await panel.inner_text()) < len(text)
    async with page.expect_download() as downloading:
        await panel.get_by_role("button", name="Save as a file").click()
    assert json.loads((await (await downloading.value).path()).read_text())["text"] == text


async def test_a_large_result_comes_into_a_page_that_is_open(web: Web) -> None:
    shown = await web.sign_in()
    page = shown.page
    http = web.cluster.http_as(shown.key)
    given = {"text": LINE, "times": MEGABYTE // len(LINE)}
    task = await http.post("/api/v1/tasks", json={"kind": "repeat_text", "input": given, "delay": 4})
    assert task.status_code < 300, task.text
    await shown.goto(f"/tasks/{task.json()['id']}")
    await expect(page.get_by_text("It has 1 MB, which is more than this page loads by itself.")).to_be_visible(
        **PATIENT
    )
