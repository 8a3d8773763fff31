"""The dashboard, and for administrators the overview, operations and failures."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.web.conftest import MakeWeb
from tests.web.installation import PHONE, Web
from tests.web.watched import Watched

PATIENT: Any = {"timeout": 30_000}


async def _submit(web: Web, shown: Watched, kind: str, count: int) -> None:
    body = {"kind": kind, "inputs": [{"text": f"Task {number}"} if kind == "echo" else {} for number in range(count)]}
    answer = await web.cluster.http_as(shown.key).post("/api/v1/batches", json=body)
    assert answer.status_code == 202, answer.text


def _counter(page: Page, state: str) -> Locator:
    return page.get_by_role("link", name=re.compile(f"^{state}"))


async def test_a_first_visit_says_what_to_do_and_the_numbers_move_while_work_runs(web: Web) -> None:
    shown = await web.sign_in("/")
    await expect(shown.page.get_by_text("Nothing has been run here yet")).to_be_visible(**PATIENT)
    await expect(shown.page.get_by_text(f"--url {shown.url}")).to_be_visible(**PATIENT)
    await shown.is_accessible()
    await _submit(web, shown, "echo", 20)
    await expect(_counter(shown.page, "succeeded")).to_contain_text("20", **PATIENT)
    await expect(shown.page.get_by_role("img", name="20 succeeded, 0 failed")).to_be_visible(**PATIENT)
    await expect(shown.page.get_by_text("20 of 20")).to_be_visible(**PATIENT)
    await shown.is_accessible()
    assert not await shown.scrolls_sideways()


@pytest.mark.slow
async def test_what_failed_alike_is_run_again_from_the_dashboard(web: Web) -> None:
    shown = await web.sign_in("/")
    await _submit(web, shown, "fail", 3)
    await expect(shown.page.get_by_text("3 tasks failed the same way")).to_be_visible(**PATIENT)
    await shown.page.get_by_role("button", name="Run 3 again").click()
    await shown.page.get_by_role("dialog").get_by_role("button", name="Run 3 tasks again").click(**PATIENT)
    await expect(shown.page.get_by_text("3 tasks run again")).to_be_visible(**PATIENT)


@pytest.mark.slow
async def test_the_screens_fit_a_phone_and_are_accessible(web: Web) -> None:
    for theme in ("light", "dark"):
        shown = await web.sign_in("/", role="admin", device=PHONE, theme=theme)
        await _submit(web, shown, "fail", 2)
        for path in ("/", "/admin/overview", "/admin/operations", "/admin/failures"):
            await shown.goto(path)
            await expect(shown.page.get_by_role("heading", level=1)).to_be_visible(**PATIENT)
            await expect(shown.page.locator("[aria-busy]")).to_have_count(0, **PATIENT)
            assert not await shown.scrolls_sideways(), path
            await shown.is_accessible()


@pytest.mark.slow
async def test_administrators_find_a_group_of_failures_and_run_it_again(web: Web) -> None:
    member = await web.sign_in()
    await _submit(web, member, "fail", 4)
    shown = await web.sign_in(f"/admin/failures?owner={member.user}", role="admin")
    page = shown.page
    await expect(page.get_by_text("4 failed tasks.")).to_be_visible(**PATIENT)
    await page.get_by_role("region", name="Failed alike").get_by_role("link").click()
    group = page.get_by_role("region", name="This group")
    await expect(group.get_by_role("region", name="Traceback")).to_contain_text("Error", **PATIENT)
    assert "fingerprint=" in page.url
    await shown.is_accessible()
    await group.get_by_role("button", name="Run 4 again").click()
    await page.get_by_role("dialog").get_by_role("button", name="Run 4 tasks again").click(**PATIENT)
    await expect(page.get_by_text("4 tasks run again")).to_be_visible(**PATIENT)
    # They fail again, and are still the same group.
    tasks = (await web.cluster.http_as(member.key).get("/api/v1/tasks")).json()["items"]
    for task in tasks:
        await page.goto(f"{shown.url}/admin/tasks/{task['id']}")
        await expect(page.locator("main .page-header .mark")).to_have_text("failed", **PATIENT)
        await expect(page.get_by_role("region", name="Attempts")).to_contain_text("Run 2", **PATIENT)


@pytest.mark.slow
async def test_a_kind_is_paused_and_resumed(make_web: MakeWeb) -> None:
    web = await make_web("api", "worker", "projector")
    shown = await web.sign_in("/admin/operations", role="admin")
    page = shown.page
    kind = page.get_by_role("rowgroup").filter(has=page.get_by_title("Details of echo", exact=True))
    await kind.get_by_role("button", name="Pause").click(**PATIENT)
    await shown.is_accessible()
    await page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    await expect(kind).to_contain_text("headrace resume echo", **PATIENT)
    await _submit(web, shown, "echo", 2)
    await expect(kind.locator("[data-label=waiting]")).to_have_text("2", **PATIENT)
    # It goes by itself, on a slow machine before somebody could close it.
    await expect(page.get_by_role("region", name="Notices").get_by_role("button", name="Close")).to_have_count(
        0, **PATIENT
    )
    # Whatever the head of the page covers in part is too small to press, until one scrolls.
    await page.evaluate("scrollTo(0, 0)")
    await shown.is_accessible()
    await kind.get_by_role("button", name="Resume").click()
    await expect(page.get_by_text("echo goes on with 2 tasks.")).to_be_visible(**PATIENT)
    await expect(kind.get_by_role("button", name="Pause")).to_be_visible(**PATIENT)
    await expect(kind.locator("[data-label=waiting]")).to_have_text("0", **PATIENT)
    await shown.goto("/tasks")
    await expect(page.locator("[data-task]").filter(has_text="succeeded")).to_have_count(2, **PATIENT)
