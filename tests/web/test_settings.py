"""Settings at run time, which two administrators change at once."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.web.conftest import MakeWeb
from tests.web.watched import Watched

PATIENT = 30_000  # milliseconds


def _setting(page: Page, title: str) -> Locator:
    return page.get_by_role("group", name=title, exact=True)


async def _save(page: Page) -> None:
    await page.get_by_role("button", name="Save", exact=True).click()


async def _write_banner(page: Page, text: str) -> None:
    banner = _setting(page, "Banner").first
    await banner.get_by_role("textbox").fill(text, timeout=PATIENT)


async def _hears_nothing(shown: Watched) -> asyncio.Event:
    """Hold back what the page asks for of the settings until the event is set, so that only a refusal can tell it of a change."""
    may_hear = asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method == "GET":
            await may_hear.wait()
        await route.continue_()

    await shown.page.route("**/bff/v1/admin/settings", hold)
    return may_hear


@pytest.mark.slow
async def test_two_administrators_change_the_same_setting_and_the_second_one_decides_what_holds(
    make_web: MakeWeb,
) -> None:
    web = await make_web("api", "projector")
    first = await web.sign_in("/admin/settings", role="admin")
    second = await web.sign_in("/admin/settings", role="admin")
    await _write_banner(second.page, "Back at noon")
    await expect(second.page.get_by_text("1 change is not saved")).to_be_visible()
    may_hear = await _hears_nothing(second)

    await _write_banner(first.page, "Back at ten")
    await _setting(first.page, "Registration").get_by_role("radio", name="closed").check()
    await _save(first.page)
    await expect(first.page.get_by_text("The settings were saved.")).to_be_visible(timeout=PATIENT)

    async with second.page.expect_response(lambda answer: answer.status == 412):
        await _save(second.page)
    may_hear.set()
    conflict = second.page.get_by_role("alert").filter(has_text="Somebody else has changed this")
    await expect(conflict).to_contain_text("Back at noon", timeout=PATIENT)
    await expect(conflict).to_contain_text("Back at ten")
    await expect(second.page.get_by_text("Somebody has saved before you, and has changed the same.")).to_be_visible()
    await expect(_setting(second.page, "Registration").get_by_role("radio", name="closed")).to_be_checked()
    await expect(second.page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    await second.is_accessible()
    await conflict.get_by_role("button", name="Keep yours").click()
    await expect(conflict).to_be_hidden()
    await _save(second.page)
    await expect(second.page.get_by_text("The settings were saved.")).to_be_visible(timeout=PATIENT)

    saved = (await web.cluster.http_as(first.key).get("/bff/v1/admin/settings")).json()
    values = {setting["key"]: setting["value"] for group in saved["groups"] for setting in group["settings"]}
    assert (values["banner"], values["registration"]) == ("Back at noon", "closed")
    # Whoever has nothing unsaved is shown what holds now, and everybody the banner.
    await expect(_setting(first.page, "Banner").first.get_by_role("textbox")).to_have_value(
        "Back at noon", timeout=PATIENT
    )
    await first.page.reload()
    await expect(first.page.get_by_text("Back at noon", exact=True).first).to_be_visible(timeout=PATIENT)
