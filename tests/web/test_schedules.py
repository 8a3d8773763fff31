"""A schedule from its form to its end: fired by hand and by its time, changed, paused, resumed and deleted."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.web.installation import Web

PATIENT = 30_000  # milliseconds


def _row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has=page.get_by_role("button", name=name, exact=True))


def _runs(row: Locator) -> Locator:
    return row.get_by_role("list", name="Its latest tasks, oldest first").get_by_role("link")


async def _choose(page: Page, name: str, what: str) -> None:
    await page.get_by_role("button", name=f"More actions for {name}").click()
    await page.get_by_role("menuitem", name=what, exact=True).click()


@pytest.mark.slow
async def test_a_schedule_is_made_by_its_form_fires_by_hand_and_by_its_time_rests_and_is_deleted(web: Web) -> None:
    shown = await web.sign_in("/schedules")
    page = shown.page
    await expect(page.get_by_text("Nothing is submitted regularly yet")).to_be_visible(timeout=PATIENT)
    await shown.is_accessible()
    await page.get_by_role("button", name="New schedule").first.click()
    make = page.get_by_role("button", name="Make the schedule")
    await make.click(timeout=PATIENT)
    await expect(page.get_by_text("Choose what to run.")).to_be_visible()
    await page.get_by_label("Kind", exact=True).select_option("echo")
    await page.get_by_label("Name of the schedule").fill("The tides")
    await page.get_by_role("radio", name="At an interval").check()
    await page.get_by_label("Every", exact=True).fill("1")
    await page.get_by_label("Unit").select_option("hours")
    await make.click()
    await expect(page.get_by_role("textbox", name="Text", exact=True)).to_be_focused()
    await page.get_by_role("textbox", name="Text", exact=True).fill("Tides")
    await shown.is_accessible()
    await make.click()

    row = _row(page, "The tides")
    await expect(row).to_contain_text("Every hour", timeout=PATIENT)
    await row.get_by_role("button", name="Run now").click()
    await expect(page.get_by_text("Submitted a task of The tides.")).to_be_visible(timeout=PATIENT)
    await expect(_runs(row)).to_have_count(1, timeout=PATIENT)
    await expect(_runs(row)).to_have_attribute("aria-label", re.compile("^succeeded"), timeout=PATIENT)

    await _choose(page, "The tides", "Change")
    await page.get_by_role("radio", name="At times").check(timeout=PATIENT)
    await page.get_by_label("Expression").fill("* * * * * *")
    await expect(page.get_by_text("Every second", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Save", exact=True).click()
    # Nobody submits these but the schedule itself, while the page is open.
    await expect(_runs(row).nth(3)).to_have_attribute("aria-label", re.compile("^succeeded"), timeout=PATIENT)
    await shown.is_accessible()

    await _choose(page, "The tides", "Pause")
    await expect(page.get_by_text("The tides is paused.")).to_be_visible(timeout=PATIENT)
    await expect(row.get_by_text("paused", exact=True)).to_be_visible(timeout=PATIENT)
    await _choose(page, "The tides", "Resume")
    await expect(page.get_by_text("The tides goes on.")).to_be_visible(timeout=PATIENT)
    await expect(row.get_by_text("paused", exact=True)).to_be_hidden(timeout=PATIENT)

    await _choose(page, "The tides", "Delete")
    await shown.is_accessible()
    await page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_text("The tides was deleted.")).to_be_visible(timeout=PATIENT)
    await expect(page.get_by_text("Nothing is submitted regularly yet")).to_be_visible(timeout=PATIENT)
    http = web.cluster.http_as(shown.key)
    assert (await http.get("/api/v1/schedules")).json()["items"] == []
    assert len((await http.get("/api/v1/tasks")).json()["items"]) >= 4
