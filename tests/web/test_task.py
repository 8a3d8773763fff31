"""The page of one task: watched from its submission to its result, changed, and opened again later."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.web.installation import PHONE, Web
from tests.web.watched import Watched

PATIENT = 30_000.0  # milliseconds


async def _submit(web: Web, shown: Watched, kind: str, **input_: Any) -> str:
    answer = await web.cluster.http_as(shown.key).post("/api/v1/tasks", json={"kind": kind, "input": input_})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def _ended(web: Web, shown: Watched, task: str) -> None:
    answer = await web.cluster.http_as(shown.key).get(f"/api/v1/tasks/{task}", params={"wait": 20})
    assert answer.json()["finished_at"] is not None, answer.text


def _gates(task: str, count: int) -> list[str]:
    return [f"{task}-gate-{number}" for number in range(1, count + 1)]


def _panel(shown: Watched, title: str) -> Locator:
    return shown.page.get_by_role("region", name=title, exact=True)


async def _is_in_state(shown: Watched, state: str) -> None:
    await expect(shown.page.locator("main .page-header .mark")).to_have_text(state, timeout=PATIENT)


async def test_a_task_is_watched_from_its_submission_to_its_result_and_is_the_same_when_it_is_opened_later(
    web: Web,
) -> None:
    shown = await web.sign_in()
    gates = _gates(shown.user, 3)
    task = await _submit(web, shown, "step_by_step", names=gates)
    await shown.goto(f"/tasks/{task}")
    await _is_in_state(shown, "running")
    for gate, percent in zip(gates, ("33", "67", None), strict=True):
        web.cluster.open_gate(gate)
        await expect(_panel(shown, "Log")).to_contain_text(gate, timeout=PATIENT)
        await expect(_panel(shown, "Output")).to_contain_text(f'{{"gate":"{gate}"}}')
        if percent is not None:
            await expect(shown.page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", percent)
    await _is_in_state(shown, "succeeded")
    await expect(_panel(shown, "Result")).to_contain_text("3")
    await expect(_panel(shown, "Timeline")).to_contain_text(re.compile(r"Submitted.*Started on.*Succeeded", re.DOTALL))
    parts = ("Log", "Output", "Result", "Attempts")
    followed = [await _panel(shown, part).inner_text() for part in parts]
    await shown.page.reload()
    await _is_in_state(shown, "succeeded")
    for part, text in zip(parts, followed, strict=True):
        await expect(_panel(shown, part)).to_have_text(text, use_inner_text=True)
    assert await shown.layout_shift() <= 0.02


async def test_a_running_task_is_cancelled_with_the_keyboard_and_run_again(web: Web) -> None:
    shown = await web.sign_in()
    task = await _submit(web, shown, "wait", name=f"{shown.user}-never")
    await shown.goto(f"/tasks/{task}")
    await _is_in_state(shown, "running")
    await shown.page.keyboard.press("c")
    dialog = shown.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("It runs.")
    await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    await shown.is_accessible()
    await dialog.get_by_role("button", name="Cancel the task").press("Enter")
    await _is_in_state(shown, "cancelled")
    # While something floats over the page, keys are not for the page.
    await expect(dialog).to_be_hidden()
    await shown.page.keyboard.press("r")
    await _is_in_state(shown, "running")
    await expect(_panel(shown, "Attempts")).to_contain_text("Run 2")


@pytest.mark.slow
async def test_a_failed_task_says_why_and_how_many_others_failed_alike_and_leads_to_all_of_them(web: Web) -> None:
    shown = await web.sign_in()
    tasks = [await _submit(web, shown, "fail") for _ in range(3)]
    for task in tasks:
        await _ended(web, shown, task)
    await shown.goto(f"/tasks/{tasks[0]}")
    await _is_in_state(shown, "failed")
    why = _panel(shown, "Why it failed")
    await expect(why).to_contain_text("The handler raised an error.")
    await why.get_by_text("Traceback", exact=True).click()
    await expect(why.get_by_role("region")).to_contain_text("Traceback (most recent call last)")
    await shown.is_accessible()
    alike = why.get_by_role("link", name="2 other tasks failed the same way")
    await expect(alike).to_be_visible(timeout=PATIENT)
    await shown.page.get_by_role("button", name="Run again", exact=True).click()
    await expect(_panel(shown, "Attempts")).to_contain_text("Run 2", timeout=PATIENT)
    await _is_in_state(shown, "failed")
    await why.get_by_role("link", name="2 other tasks failed the same way").click()
    await expect(shown.page.locator("[data-task]")).to_have_count(3, timeout=PATIENT)


@pytest.mark.slow
async def test_j_and_k_go_to_the_task_before_and_after(web: Web) -> None:
    shown = await web.sign_in()
    older, newer = [await _submit(web, shown, "echo", text=text) for text in ("Tides", "Wheels")]
    for task in (older, newer):
        await _ended(web, shown, task)
    await shown.goto(f"/tasks/{newer}")
    heading = shown.page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("Wheels", timeout=PATIENT)
    await shown.page.keyboard.press("j")
    await expect(heading).to_have_text("Tides", timeout=PATIENT)
    await shown.page.keyboard.press("k")
    await expect(heading).to_have_text("Wheels", timeout=PATIENT)


@pytest.mark.slow
async def test_a_deleted_task_says_so_and_so_does_one_that_never_was(web: Web) -> None:
    shown = await web.sign_in()
    task = await _submit(web, shown, "echo", text="Tides")
    await _ended(web, shown, task)
    await shown.goto(f"/tasks/{task}")
    await shown.page.get_by_role("button", name="More actions").click()
    await shown.page.get_by_text("Delete", exact=True).click()
    await shown.page.get_by_role("button", name="Delete the task").click()
    await expect(shown.page).to_have_url(f"{web.url}/tasks", timeout=PATIENT)
    await shown.goto(f"/tasks/{task}")
    await expect(shown.page.get_by_text("This task was deleted, or never existed.")).to_be_visible(timeout=PATIENT)
    await shown.is_accessible()


@pytest.mark.slow
async def test_the_page_fits_a_phone_and_is_accessible_in_both_themes(web: Web) -> None:
    for theme in ("light", "dark"):
        shown = await web.sign_in(theme=theme, device=PHONE)
        for kind, state, input_ in (("talk", "succeeded", {}), ("fail", "failed", {})):
            task = await _submit(web, shown, kind, **input_)
            await _ended(web, shown, task)
            await shown.goto(f"/tasks/{task}")
            await _is_in_state(shown, state)
            assert not await shown.scrolls_sideways()
            await shown.is_accessible()


@pytest.mark.slow
async def test_an_administrator_follows_the_task_of_somebody_else_and_cancels_it(web: Web) -> None:
    member = await web.sign_in()
    gate = f"{member.user}-gate"
    task = await _submit(web, member, "step_by_step", names=[gate, f"{member.user}-never"])
    shown = await web.sign_in(f"/admin/tasks/{task}", role="admin")
    await _is_in_state(shown, "running")
    await expect(shown.page.locator("main .page-header")).to_contain_text(member.email)
    web.cluster.open_gate(gate)
    await expect(_panel(shown, "Log")).to_contain_text(gate, timeout=PATIENT)
    await shown.page.get_by_role("button", name="Cancel", exact=True).click()
    await shown.page.get_by_role("button", name="Cancel the task").click()
    await _is_in_state(shown, "cancelled")
    await shown.is_accessible()
