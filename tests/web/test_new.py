"""The screen for new tasks: choose a kind, fill in its form, submit, and watch to the end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.installation import PHONE, Web
from tests.web.watched import Watched

PATIENT: Any = {"timeout": 30_000}
TABS_MAX = 120  # the navigation, and each kind that comes before


async def _tasks_of(web: Web, shown: Watched) -> list[dict[str, str]]:
    answer = await web.cluster.http_as(shown.key).get("/api/v1/tasks")
    return answer.json()["items"]


async def _choose_echo(page: Page) -> None:
    await page.get_by_role("link", name="Echo", exact=False).first.click(timeout=30_000)
    await expect(page.get_by_role("textbox", name="Text", exact=True)).to_be_visible(**PATIENT)


async def test_somebody_submits_a_task_by_its_form_and_watches_it_to_its_end(web: Web) -> None:
    shown = await web.sign_in("/new")
    page = shown.page
    await _choose_echo(page)
    await shown.is_accessible()
    await page.get_by_role("button", name="Run it").click()
    await expect(page.get_by_text("This is needed.")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Text", exact=True)).to_be_focused()
    await page.get_by_role("textbox", name="Text", exact=True).fill("It's the water wheel")
    await expect(page.get_by_role("region", name="curl")).to_contain_text(r"It'\''s the water wheel")
    await page.get_by_role("button", name="Run it").dblclick()
    await expect(page.get_by_text("succeeded").first).to_be_visible(**PATIENT)
    assert len(await _tasks_of(web, shown)) == 1


@pytest.mark.slow
async def test_a_task_is_submitted_with_the_keyboard_alone(web: Web) -> None:
    shown = await web.sign_in("/new")
    page = shown.page
    await page.get_by_role("link", name="Echo", exact=False).first.wait_for(timeout=30_000)
    for _ in range(TABS_MAX):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.getAttribute('href')") == "/new?kind=echo":
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox", name="Text", exact=True)).to_be_focused(**PATIENT)
    await page.keyboard.type("Tides")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_text("succeeded").first).to_be_visible(**PATIENT)


async def test_many_lines_become_a_batch_with_a_name(web: Web) -> None:
    shown = await web.sign_in("/new?kind=echo", device=PHONE)
    page = shown.page
    await page.get_by_role("radio", name="Many at once").check(timeout=30_000)
    await page.get_by_role("textbox", name="Lines").fill("one\ntwo\n\nthree\n")
    await page.get_by_role("textbox", name="Name of the batch").fill("Class 9b")
    assert not await shown.scrolls_sideways()
    await shown.is_accessible()
    await page.get_by_role("button", name="Run 3 tasks").click()
    await expect(page.get_by_role("heading", name="Class 9b")).to_be_visible(**PATIENT)
    assert len(await _tasks_of(web, shown)) == 3


@pytest.mark.slow
async def test_who_goes_on_while_a_task_is_sent_is_told_of_it_and_not_fetched_back(web: Web) -> None:
    shown = await web.sign_in("/new?kind=echo")
    page = shown.page
    left = asyncio.Event()

    async def hold(route: Route) -> None:
        await left.wait()
        await route.continue_()

    await page.route("**/api/v1/tasks", hold)
    await page.get_by_role("textbox", name="Text", exact=True).fill("Tides", timeout=30_000)
    await page.get_by_role("button", name="Run it").click()
    await page.get_by_role("link", name="Batches", exact=True).first.click()
    await expect(page.get_by_role("heading", name="Batches")).to_be_visible(**PATIENT)
    left.set()
    notices = page.get_by_role("region", name="Notices")
    await expect(notices).to_contain_text("Submitted: Tides", **PATIENT)
    assert page.url == f"{web.url}/batches"
    await notices.get_by_role("link", name="Show").click()
    await expect(page.get_by_role("heading", name="Tides")).to_be_visible(**PATIENT)


@pytest.mark.slow
async def test_what_is_not_there_is_said_to_be_not_there(web: Web) -> None:
    shown = await web.sign_in("/batches/00000000-0000-7000-8000-000000000000")
    page = shown.page
    await expect(page.get_by_text("This batch was deleted, or never existed.")).to_be_visible(**PATIENT)
    await page.get_by_role("link", name="To the batches").click()
    await expect(page.get_by_role("heading", name="Batches")).to_be_visible(**PATIENT)
    await shown.goto("/schedules?new=no_such_kind")
    await expect(page.get_by_text("There is no kind of task called no_such_kind.")).to_be_visible(**PATIENT)


@pytest.mark.slow
async def test_the_input_as_json_is_the_same_as_in_the_form(web: Web) -> None:
    shown = await web.sign_in("/new?kind=echo")
    page = shown.page
    await page.get_by_role("textbox", name="Text", exact=True).fill("Tides", timeout=30_000)
    await page.get_by_role("radio", name="JSON").check()
    json = page.get_by_role("textbox", name="Input")
    await expect(json).to_have_value('{\n  "text": "Tides"\n}')
    await json.fill('{"text": "Wheels"')
    await expect(page.get_by_text("This is not JSON yet")).to_be_visible()
    await json.fill('{"text": "Wheels"}')
    await page.get_by_role("radio", name="Form").check()
    await expect(page.get_by_role("textbox", name="Text", exact=True)).to_have_value("Wheels")


@pytest.mark.slow
async def test_somebody_who_reads_german_submits_a_task_on_a_phone_and_watches_it_to_its_end(web: Web) -> None:
    shown = await web.sign_in("/", device=PHONE, language="de")
    page = shown.page

    async def is_right() -> None:
        await expect(page.locator("[aria-busy=true]")).to_have_count(0, **PATIENT)
        assert not await shown.scrolls_sideways(), page.url
        await shown.is_accessible()

    await expect(page.get_by_role("heading", name="Übersicht")).to_be_visible(**PATIENT)
    await is_right()
    await page.get_by_role("link", name="Neue Aufgabe").first.click()
    await page.get_by_role("link", name="Andere wählen").click(**PATIENT)
    await page.get_by_role("link", name="Wait", exact=False).first.click(**PATIENT)
    name = page.get_by_role("textbox", name="Name", exact=True)
    await expect(name).to_be_visible(**PATIENT)
    await page.get_by_role("button", name="Starten", exact=True).click()
    await expect(page.get_by_text("Das wird gebraucht.")).to_be_visible()
    await is_right()
    gate = f"{shown.user}-gate"
    await name.fill(gate)
    await page.get_by_role("button", name="Starten", exact=True).click()
    state = page.locator("main .page-header .mark")
    await expect(state).to_have_text("läuft", **PATIENT)
    await is_right()
    web.cluster.open_gate(gate)
    await expect(state).to_have_text("erledigt", **PATIENT)
    await expect(page.get_by_role("region", name="Ergebnis")).to_be_visible(**PATIENT)
    await is_right()
