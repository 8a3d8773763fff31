"""What is done with the keyboard alone: tasks from the palette to their end, rows, menus, dialogs and fields that open something."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.waiting import until
from tests.web.installation import Web
from tests.web.watched import Watched

PATIENT = 30_000  # milliseconds
TABS_MAX = 100  # the navigation, and everything on a page


async def _reach(page: Page, wanted: Locator) -> None:
    """Go on with the tabulator until an element has the focus, which everybody sees."""
    await wanted.wait_for(timeout=PATIENT)
    for _ in range(TABS_MAX):
        if await wanted.evaluate("(element) => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"the tabulator does not come to {wanted}")


async def _stays_inside(page: Page, dialog: Locator) -> None:
    """Go around with the tabulator, forth and back: the focus is never on what lies below the dialog."""
    count = await dialog.locator("button, input, a, select, textarea, [tabindex='0']").count()
    for key in ("Tab", "Shift+Tab"):
        for _ in range(count + 2):
            await page.keyboard.press(key)
            assert await dialog.evaluate("(element) => element.contains(document.activeElement)"), key


async def _begin_echo(page: Page) -> None:
    """Choose the kind in the palette, and come to its form."""
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox", name="Find or do something")).to_be_focused()
    await page.keyboard.type("new echo")
    await expect(page.get_by_role("option", name="New echo", exact=True)).to_have_attribute(
        "aria-selected", "true", timeout=PATIENT
    )
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("textbox", name="Text", exact=True)).to_be_focused(timeout=PATIENT)


@pytest.mark.slow
async def test_a_task_is_made_found_in_its_list_and_deleted_by_keys_alone(web: Web) -> None:
    shown = await web.sign_in("/")
    page, press = shown.page, shown.page.keyboard.press
    await expect(page.get_by_text("Nothing has been run here yet")).to_be_visible(timeout=PATIENT)
    for text in ("Tides", "Wheels"):
        await _begin_echo(page)
        await page.keyboard.type(text)
        await press("Control+Enter")
        await expect(page.locator("main .page-header .mark")).to_have_text("succeeded", timeout=PATIENT)

    await press("g")
    await press("t")
    rows = page.locator("[data-task]")
    await expect(rows).to_have_count(2, timeout=PATIENT)
    await expect(page.locator("main h1")).to_be_focused()
    for key, text in (("j", "Wheels"), ("j", "Tides"), ("k", "Wheels"), ("j", "Tides")):
        await press(key)
        await expect(page.get_by_role("link", name=text, exact=True)).to_be_focused()
    await press("x")
    await expect(page.get_by_text("1 selected")).to_be_visible()
    await press("Enter")
    await expect(page.get_by_role("heading", name="Tides", level=1)).to_be_focused(timeout=PATIENT)

    more = page.get_by_role("button", name="More actions")
    await _reach(page, more)
    await press("Enter")
    items = page.get_by_role("menuitem")
    await expect(items.first).to_be_focused()
    await shown.is_accessible()
    await press("ArrowDown")
    await expect(items.nth(1)).to_be_focused()
    await press("ArrowUp")
    await press("ArrowUp")
    await expect(items.last).to_be_focused()
    await press("Escape")
    await expect(items).to_have_count(0)
    await expect(more).to_be_focused()

    await press("Enter")
    await expect(items.first).to_be_focused()
    await press("End")
    await expect(page.get_by_role("menuitem", name="Delete")).to_be_focused()
    await press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    await _stays_inside(page, dialog)
    await press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(more).to_be_focused()
    await press("Control+k")
    await page.keyboard.type("delete")
    await expect(page.get_by_role("option", name="Delete", exact=True)).to_have_attribute("aria-selected", "true")
    await press("Enter")
    await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    await _reach(page, dialog.get_by_role("button", name="Delete the task"))
    await press("Enter")
    await expect(page).to_have_url(f"{web.url}/tasks", timeout=PATIENT)
    await expect(rows).to_have_count(1, timeout=PATIENT)


@pytest.mark.slow
async def test_what_floats_over_a_page_closes_by_escape_and_gives_the_focus_back(web: Web) -> None:
    shown = await web.sign_in("/tasks?q=nothing")
    page, press = shown.page, shown.page.keyboard.press
    await expect(page.get_by_text("No task matches this filter.")).to_be_visible(timeout=PATIENT)
    finer = page.get_by_role("button", name="Filter", exact=True)
    await _reach(page, finer)
    await press("Control+k")
    await expect(page.get_by_role("combobox", name="Find or do something")).to_be_focused()
    await _closes(page, page.get_by_role("dialog"), finer)
    await press("?")
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    await _stays_inside(page, page.get_by_role("dialog"))
    await _closes(page, page.get_by_role("dialog"), finer)
    await press("Control+k")
    await page.keyboard.type("show keys")
    await press("Enter")
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    await _stays_inside(page, page.get_by_role("dialog"))
    await _closes(page, page.get_by_role("dialog"), finer)
    await press("Enter")
    await _reach(page, page.get_by_role("dialog").get_by_role("combobox"))
    await press("g")
    await press("d")
    await shown.is_accessible()
    await _closes(page, page.get_by_role("dialog"), finer)
    assert page.url == f"{web.url}/tasks?q=nothing"

    account = page.get_by_role("button", name="Your account")
    await _reach(page, account)
    await press(" ")
    await expect(page.get_by_role("menuitem", name="Account")).to_be_focused()
    await shown.is_accessible()
    await _closes(page, page.get_by_role("menu"), account)
    await press("Enter")
    await expect(page.get_by_role("menuitem", name="Account")).to_be_focused()
    await press("ArrowDown")
    await press("Enter")
    await expect(page.get_by_role("heading", name="Change password")).to_be_focused(timeout=PATIENT)


async def _closes(page: Page, floating: Locator, opener: Locator) -> None:
    await page.keyboard.press("Escape")
    await expect(floating).to_be_hidden()
    await expect(opener).to_be_focused()


@pytest.mark.slow
async def test_a_time_zone_is_found_and_a_key_revoked_by_keys_alone(web: Web) -> None:
    shown = await web.sign_in("/account")
    page, press = shown.page, shown.page.keyboard.press
    zone = page.get_by_role("combobox", name="Time zone")
    await _reach(page, zone)
    await page.keyboard.type("lisb")
    await expect(page.get_by_role("option", name="Europe/Lisbon")).to_be_visible()
    await shown.is_accessible()
    await press("Escape")
    await expect(page.get_by_role("option")).to_have_count(0)
    await expect(zone).to_be_focused()
    await page.keyboard.type("lisb")
    await expect(page.get_by_role("option", name="Europe/Lisbon")).to_be_visible()
    await press("ArrowDown")
    await press("Enter")
    await expect(zone).to_have_value("Europe/Lisbon")
    await expect(page.get_by_role("option")).to_have_count(0)
    await _is_saved(web, shown, "Europe/Lisbon")
    await page.reload()
    await expect(zone).to_have_value("Europe/Lisbon", timeout=PATIENT)

    revoke = page.get_by_role("region", name="API keys").get_by_role("button", name="Revoke")
    await _reach(page, revoke)
    await press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    await _stays_inside(page, dialog)
    await _closes(page, dialog, revoke)
    await press("Enter")
    await _reach(page, dialog.get_by_role("button", name="Revoke"))
    await press("Enter")
    await expect(page.get_by_text(re.compile("was revoked"))).to_be_visible(timeout=PATIENT)
    await expect(dialog).to_be_hidden()
    await press("g")
    await press("t")
    await expect(page.get_by_role("heading", name="Tasks", level=1)).to_be_focused(timeout=PATIENT)


async def _is_saved(web: Web, shown: Watched, zone: str) -> None:
    async def saved() -> bool:
        answer = await shown.page.evaluate("fetch('/bff/v1/session').then((answer) => answer.json())")
        return answer["preferences"]["time_zone"] == zone

    await until(saved, "the time zone to be saved")


@pytest.mark.slow
async def test_an_administrator_disables_an_account_by_keys_alone_and_its_owner_is_told(web: Web) -> None:
    member = await web.sign_in("/tasks")
    shown = await web.sign_in(f"/admin/users?q={member.user}", role="admin")
    page, press = shown.page, shown.page.keyboard.press
    more = page.get_by_role("button", name=re.compile("^Actions for"))
    await expect(more).to_have_count(1, timeout=PATIENT)
    await _reach(page, more)
    await press("Enter")
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await shown.is_accessible()
    await _closes(page, page.get_by_role("menu"), more)
    await press("Enter")
    await _reach(page, page.get_by_role("menuitem", name="Disable"))
    await press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    await shown.is_accessible()
    await _closes(page, dialog, more)
    await press("Enter")
    await _reach(page, page.get_by_role("menuitem", name="Disable"))
    await press("Enter")
    await _reach(page, dialog.get_by_label("Reason"))
    await page.keyboard.type("You have left.")
    await press("Enter")
    await expect(page.get_by_text(re.compile("is disabled"))).to_be_visible(timeout=PATIENT)
    await expect(dialog).to_be_hidden()
    await expect(more).to_be_focused()
    await expect(member.page.get_by_text("Your session has ended.")).to_be_visible(timeout=PATIENT)
