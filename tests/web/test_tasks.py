"""Lists of tasks and batches, a batch that runs, and changing many tasks at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.waiting import until
from tests.web.installation import PHONE, Web
from tests.web.watched import Watched

PATIENT = 30_000  # milliseconds; the machine of a test is a busy one


async def _submit(web: Web, shown: Watched, kind: str, text: str, **more: Any) -> str:
    field = "name" if kind == "wait" else "text"
    body = {"kind": kind, "input": {field: text} if text else {}, **more}
    answer = await web.cluster.http_as(shown.key).post("/api/v1/tasks", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def _submit_batch(web: Web, shown: Watched, kind: str, inputs: list[dict[str, Any]], **more: Any) -> str:
    answer = await web.cluster.http_as(shown.key).post("/api/v1/batches", json={"kind": kind, "inputs": inputs, **more})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def _counted(http: httpx.AsyncClient, state: str) -> int:
    answer = await http.get("/bff/v1/member/tasks", params={"state": state, "limit": 1})
    # A part that could not be read in time is null.
    return (answer.json()["matched"] or {"count": -1})["count"]


def _rows(page: Page) -> Any:
    return page.locator("[data-task]")


async def test_a_list_shows_a_task_that_is_submitted_while_it_is_open_and_follows_it_to_its_end(web: Web) -> None:
    shown = await web.sign_in("/tasks")
    await expect(shown.page.get_by_text("No tasks yet")).to_be_visible(timeout=PATIENT)
    await shown.is_accessible()
    await _submit(web, shown, "echo", "The water wheel")
    row = _rows(shown.page).filter(has_text="The water wheel")
    await expect(row).to_contain_text("succeeded", timeout=PATIENT)
    assert not await shown.scrolls_sideways()
    await shown.is_accessible()


@pytest.mark.slow
async def test_the_filter_is_in_the_address_and_survives_a_reload_and_going_back(web: Web) -> None:
    shown = await web.sign_in("/tasks")
    for text in ("Tides", "Wheels"):
        await _submit(web, shown, "echo", text)
    await _submit(web, shown, "fail", "")
    await expect(_rows(shown.page)).to_have_count(3, timeout=PATIENT)
    await expect(_rows(shown.page).filter(has_text="failed")).to_have_count(1, timeout=PATIENT)
    await shown.page.get_by_role("link", name="failed").click()
    await expect(_rows(shown.page)).to_have_count(1)
    assert shown.page.url.endswith("/tasks?state=failed")
    await shown.page.reload()
    await expect(_rows(shown.page)).to_have_count(1)
    await shown.page.go_back()
    await expect(_rows(shown.page)).to_have_count(3)
    await shown.page.get_by_role("searchbox").fill("tid")
    await expect(_rows(shown.page)).to_have_count(1)
    assert shown.page.url.endswith("/tasks?q=tid")
    await shown.page.get_by_role("searchbox").fill("nothing has this title")
    await expect(shown.page.get_by_text("No task matches")).to_be_visible()
    await shown.is_accessible()
    await shown.page.get_by_role("link", name="Clear the filter").click()
    await expect(_rows(shown.page)).to_have_count(3)


async def test_new_tasks_do_not_move_the_rows_that_somebody_reads(web: Web) -> None:
    shown = await web.sign_in()
    await _submit_batch(web, shown, "echo", [{"text": f"Task {number}"} for number in range(300)])
    http = web.cluster.http_as(shown.key)

    async def all_over() -> bool:
        return await _counted(http, "succeeded") == 300

    await until(all_over, "the batch")
    await shown.goto("/tasks")
    await expect(_rows(shown.page).first).to_be_visible(timeout=PATIENT)

    place = "() => { const row = [...document.querySelectorAll('[data-task]')].find((each) => each.textContent.includes('Task 250')); return row && row.getBoundingClientRect().top }"

    async def is_read() -> bool:
        # The table goes back to its top once, in a frame after its first rows: a person scrolls later than that, a test does not.
        await shown.page.evaluate("() => window.scrollTo(0, 1800)")
        top = await shown.page.evaluate(place)
        return top is not None and 0 < top < 700

    await until(is_read, "the row that is read")
    await expect(_rows(shown.page).filter(has_text="Task 250").first).to_be_in_viewport()
    before = await shown.page.evaluate(place)
    await _submit(web, shown, "echo", "Newer")
    newer = shown.page.get_by_role("button", name="1 new")
    await expect(newer).to_be_visible(timeout=PATIENT)
    assert await shown.page.evaluate(place) == before
    await newer.click()
    await expect(_rows(shown.page).filter(has_text="Newer")).to_be_visible()


@pytest.mark.slow
async def test_a_batch_of_five_hundred_is_seen_to_its_end(web: Web) -> None:
    shown = await web.sign_in()
    inputs = [{"text": f"Essay {number}"} for number in range(500)]
    batch = await _submit_batch(web, shown, "echo", inputs, name="Class 9b")
    await shown.goto(f"/batches/{batch}")
    await expect(shown.page.get_by_role("heading", name="Class 9b")).to_be_visible(timeout=PATIENT)
    await expect(shown.page.get_by_text("500 of 500")).to_be_visible(timeout=60_000)
    await expect(_rows(shown.page).first).to_contain_text("succeeded")
    await expect(shown.page).to_have_title("Class 9b · Headrace")
    assert not await shown.scrolls_sideways()
    await shown.is_accessible()
    await shown.page.get_by_role("link", name="Batches", exact=True).first.click()
    await expect(shown.page.get_by_role("link", name="Class 9b")).to_be_visible()
    await shown.is_accessible()


@pytest.mark.slow
async def test_all_tasks_of_a_filter_are_run_again_after_a_count(web: Web) -> None:
    shown = await web.sign_in()
    await _submit_batch(web, shown, "fail", [{} for _ in range(120)])
    http = web.cluster.http_as(shown.key)

    async def all_failed() -> bool:
        return await _counted(http, "failed") == 120

    await until(all_failed, "the failures")
    await shown.goto("/tasks?state=failed")
    await expect(_rows(shown.page).first).to_be_visible(timeout=PATIENT)
    await _rows(shown.page).first.get_by_role("checkbox").click()
    await shown.page.get_by_role("button", name="Run all that match again").click()
    dialog = shown.page.get_by_role("dialog")
    meant = dialog.get_by_role("button", name="Run 120 tasks again")
    await expect(meant).to_be_disabled()
    await shown.is_accessible()
    await dialog.get_by_role("textbox").fill("120")
    await meant.click()
    await expect(shown.page.get_by_text("120 tasks run again")).to_be_visible(timeout=60_000)

    async def all_failed_twice() -> bool:
        return await _counted(http, "failed") == 120

    await until(all_failed_twice, "the failures of the second run")


async def test_tasks_that_are_selected_are_cancelled(web: Web) -> None:
    shown = await web.sign_in("/tasks")
    for name in ("one", "two", "three"):
        await _submit(web, shown, "wait", f"never-{name}", delay=3600)
    await expect(_rows(shown.page)).to_have_count(3, timeout=PATIENT)
    await shown.page.keyboard.press("j")
    await shown.page.keyboard.press("x")
    await shown.page.keyboard.press("j")
    await shown.page.keyboard.press("x")
    await shown.page.keyboard.press("c")
    await shown.page.get_by_role("dialog").get_by_role("button", name="Cancel 2 tasks").click()
    await expect(shown.page.get_by_text("2 tasks cancelled")).to_be_visible(timeout=PATIENT)
    await expect(_rows(shown.page).filter(has_text="cancelled")).to_have_count(2, timeout=PATIENT)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_lists_fit_a_phone_and_are_accessible(web: Web, theme: str) -> None:
    shown = await web.sign_in("/tasks", device=PHONE, theme=theme)
    batch = await _submit_batch(web, shown, "echo", [{"text": f"Task {number}"} for number in range(30)], name="Phone")
    for path in ("/tasks", "/batches", f"/batches/{batch}"):
        await shown.goto(path)
        await expect(shown.page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENT)
        await shown.page.wait_for_load_state("networkidle")
        assert not await shown.scrolls_sideways()
        await shown.is_accessible()
        assert await shown.layout_shift() <= 0.02


@pytest.mark.slow
async def test_administrators_see_tasks_of_others_and_cancel_one(web: Web) -> None:
    member = await web.sign_in()
    task = await _submit(web, member, "wait", f"of-{member.user}", delay=3600)
    shown = await web.sign_in(f"/admin/tasks?owner={member.user}", role="admin")
    row = _rows(shown.page).filter(has_text=f"of-{member.user}")
    await expect(row).to_be_visible(timeout=PATIENT)
    await row.get_by_role("checkbox").click()
    await shown.page.get_by_role("button", name="Cancel", exact=True).click()
    await shown.page.get_by_role("dialog").get_by_role("button", name="Cancel 1 task").click()
    await expect(shown.page.get_by_text("1 task cancelled")).to_be_visible(timeout=PATIENT)
    answer = await web.cluster.http_as(member.key).get(f"/api/v1/tasks/{task}")
    assert answer.json()["state"] == "cancelled"
