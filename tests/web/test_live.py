"""Pages that follow: a task to its end, through cuts of every sort, and many tabs of one browser."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.member import Member
from tests.waiting import until
from tests.web.conftest import MakeWeb
from tests.web.installation import Web
from tests.web.watched import Watched

PATIENT: Any = {"timeout": 60_000}
# A page that was cut comes back within 30 seconds, and what it is cut from has to come back itself.
VERY_PATIENT: Any = {"timeout": 90_000}
TABS = 30


async def _submit(web: Web, shown: Watched, kind: str, **input_: Any) -> str:
    body = {"kind": kind, "input": input_}
    answer = await web.cluster.http_as(shown.key).post("/api/v1/tasks", json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def _open_task(web: Web, kind: str, **input_: Any) -> tuple[Watched, str]:
    shown = await web.sign_in()
    task = await _submit(web, shown, kind, **input_)
    await shown.goto(f"/tasks/{task}")
    return shown, task


def _state(page: Page, word: str) -> Any:
    return page.locator("main").get_by_text(re.compile(rf"\b{word}\b", re.IGNORECASE)).first


def _indicator(page: Page) -> Any:
    return page.locator("[data-live-indicator]")


def _rows(page: Page, text: str) -> Any:
    return page.locator("[data-task]").filter(has_text=text)


def _is_stream(url: str) -> bool:
    return urlsplit(url).path == "/bff/v1/member/events"


async def _is_live(page: Page) -> None:
    await expect(_indicator(page)).to_have_class(re.compile(r"\blive live\b|\bsecond live\b"), **VERY_PATIENT)


async def _open_streams(api: Member) -> int:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://{api.address}/metrics")
    found = re.search(r"^headrace_event_streams (\d+)", answer.text, re.MULTILINE)
    assert found is not None, answer.text
    return int(found[1])


@pytest.mark.slow
async def test_a_task_is_watched_to_its_end_and_run_again(web: Web) -> None:
    shown, _ = await _open_task(web, "talk")
    await expect(_state(shown.page, "succeeded")).to_be_visible(**PATIENT)
    await expect(shown.page.get_by_text("almost done")).to_be_visible(**PATIENT)
    await _is_live(shown.page)
    await shown.is_accessible()
    await shown.page.get_by_role("button", name="Run again", exact=True).click()
    await expect(shown.page.get_by_text("Run 2").first).to_be_visible(**PATIENT)


@pytest.mark.slow
async def test_a_task_that_runs_is_cancelled_from_its_page(web: Web) -> None:
    shown, _ = await _open_task(web, "wait", name="never-opened")
    await expect(_state(shown.page, "running")).to_be_visible(**PATIENT)
    await shown.page.get_by_role("button", name="Cancel", exact=True).click()
    await shown.page.get_by_role("dialog").get_by_role("button", name="Cancel").last.click()
    await expect(_state(shown.page, "cancelled")).to_be_visible(**PATIENT)


async def test_what_happens_while_there_is_no_network_is_there_when_it_is_back(web: Web) -> None:
    shown, task = await _open_task(web, "wait", name=(gate := "opened-offline"))
    await expect(_state(shown.page, "running")).to_be_visible(**PATIENT)
    await _is_live(shown.page)
    async with shown.in_trouble():
        await shown.page.context.set_offline(True)
        web.cluster.open_gate(gate)
        await web.cluster.http_as(shown.key).get(f"/api/v1/tasks/{task}")
        await shown.page.context.set_offline(False)
        await expect(_state(shown.page, "succeeded")).to_be_visible(**VERY_PATIENT)
        await _is_live(shown.page)


@pytest.mark.slow
@pytest.mark.parametrize("gone", ["api", "nats"])
async def test_a_page_goes_on_when_a_process_was_killed_and_is_back(make_web: MakeWeb, gone: str) -> None:
    web = await make_web("api", "worker", "projector")
    shown, _ = await _open_task(web, "wait", name="opened-after-it")
    await expect(_state(shown.page, "running")).to_be_visible(**PATIENT)
    await _is_live(shown.page)
    async with shown.in_trouble():
        if gone == "api":
            api = next(member for member in web.cluster.members if member.name == "api")
            await api.kill()
            await expect(_indicator(shown.page)).not_to_have_class(re.compile(r"second live$"), **PATIENT)
            await web.cluster.start("api")
        else:
            await web.cluster.nats.kill()
            await web.cluster.nats.start()
        web.cluster.open_gate("opened-after-it")
        await expect(_state(shown.page, "succeeded")).to_be_visible(**VERY_PATIENT)
        await _is_live(shown.page)


async def test_a_tab_that_follows_leads_when_the_one_that_led_is_closed_and_misses_nothing(web: Web) -> None:
    shown = await web.sign_in("/tasks")
    await _is_live(shown.page)
    tab = await shown.another_tab("/tasks")
    streams: list[str] = []
    tab.page.on("request", lambda request: streams.append(request.url) if _is_stream(request.url) else None)
    await _is_live(tab.page)
    await _submit(web, shown, "echo", text="Heard by both")
    for each in (shown, tab):
        await expect(_rows(each.page, "Heard by both")).to_contain_text("succeeded", **PATIENT)
    assert streams == []

    gate = f"{shown.user}-gate"
    await _submit(web, shown, "wait", name=gate)
    await expect(_rows(tab.page, gate)).to_contain_text("running", **PATIENT)
    async with tab.page.expect_request(lambda request: _is_stream(request.url)):
        # What happens while nobody leads is in the log, and the next stream begins where the last one was.
        await asyncio.gather(shown.page.close(), _submit(web, shown, "echo", text="Heard by none"))
        web.cluster.open_gate(gate)
    await expect(_rows(tab.page, "Heard by none")).to_contain_text("succeeded", **VERY_PATIENT)
    await expect(_rows(tab.page, gate)).to_contain_text("succeeded", **VERY_PATIENT)
    await _is_live(tab.page)
    assert len(streams) == 1
    assert "after=" in streams[0]


@pytest.mark.slow
async def test_thirty_tabs_of_a_browser_have_one_stream_and_all_hear_what_happens(make_web: MakeWeb) -> None:
    web = await make_web("api", "worker", "projector")
    (api,) = (member for member in web.cluster.members if member.name == "api")
    shown = await web.sign_in("/tasks")
    await _is_live(shown.page)
    second = await shown.another_tab("/tasks")
    await _is_live(second.page)
    assert await _open_streams(api) == 1
    tabs = [shown, second, *[await shown.another_tab("/tasks") for _ in range(TABS - 2)]]
    for tab in tabs:
        await _is_live(tab.page)
    assert await _open_streams(api) == 1
    await _submit(web, shown, "echo", text="Heard everywhere")
    for tab in tabs:
        await expect(tab.page.locator("[data-task]").filter(has_text="Heard everywhere")).to_contain_text(
            "succeeded", **PATIENT
        )

    # The one that leads is closed; another one leads, and nothing is lost.
    await shown.page.close()
    await _submit(web, shown, "echo", text="Heard by the rest")
    for tab in tabs[1:]:
        await expect(tab.page.locator("[data-task]").filter(has_text="Heard by the rest")).to_contain_text(
            "succeeded", **VERY_PATIENT
        )

    async def one_is_left() -> bool:
        return await _open_streams(api) == 1

    await until(one_is_left, "the stream of the tab that was closed")
