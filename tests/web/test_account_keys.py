"""API keys of an account: made, shown once, used by a program, and revoked."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.waiting import until
from tests.web.installation import Web

PATIENT = 30_000  # milliseconds
NAME = "The nightly import"


@pytest.mark.slow
async def test_a_key_is_shown_once_opens_the_api_and_opens_nothing_once_it_is_revoked(web: Web) -> None:
    shown = await web.sign_in("/account", permissions=["clipboard-read", "clipboard-write"])
    page = shown.page
    panel, dialog = page.get_by_role("region", name="API keys"), page.get_by_role("dialog")
    await panel.get_by_role("button", name="New key").click(timeout=PATIENT)
    await expect(dialog.get_by_label("What it is used for")).to_be_focused()
    await page.keyboard.type(NAME)
    await dialog.get_by_role("checkbox", name="Submit tasks").uncheck()
    await shown.is_accessible()
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("the only time", timeout=PATIENT)
    # Nothing closes it by mistake.
    await page.keyboard.press("Escape")
    await shown.is_accessible()
    await dialog.get_by_role("button", name="Copy").first.click()
    await expect(dialog.get_by_text("Copied")).to_be_attached()
    key = await page.evaluate("navigator.clipboard.readText()")
    await expect(dialog.locator("pre").first).to_have_text(key)
    await dialog.get_by_role("button", name="Done").click()
    await expect(dialog).to_be_hidden()

    program = web.cluster.http_as(key)
    assert (await program.get("/api/v1/tasks")).status_code == 200
    refused = await program.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "Tides"}})
    assert refused.status_code == 403, refused.text
    row = panel.get_by_role("listitem").filter(has_text=NAME)
    await expect(row).to_contain_text("tasks:read")
    await page.reload()
    await expect(row).to_contain_text("expires", timeout=PATIENT)
    assert key not in await page.content()

    await row.get_by_role("button", name="Revoke").click()
    await expect(dialog).to_contain_text(NAME)
    await shown.is_accessible()
    await dialog.get_by_role("button", name="Revoke").click()
    await expect(page.get_by_text(f"The key {NAME} was revoked.")).to_be_visible(timeout=PATIENT)
    await expect(row).to_have_count(0, timeout=PATIENT)

    async def is_refused() -> bool:
        return (await program.get("/api/v1/tasks")).status_code == 401

    await until(is_refused, "the key to be refused")
