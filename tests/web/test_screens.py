"""Every screen on its golden example: accessible, still, and no wider than its window, in light, dark and on a phone; and its picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.web.installation import DESKTOP, PHONE, Device, Language, Mock, Theme
from tests.web.watched import Watched

GOLDEN = Path(__file__).parents[1] / "bff/golden"
ID = "01980f70-0000-7000-8000-000000000001"
SCREENS = {
    "dashboard": "/",
    "new": "/new?kind=text_feedback",
    "tasks": "/tasks",
    "task": f"/tasks/{ID}",
    "batches": "/batches",
    "batch": f"/batches/{ID}",
    "schedules": "/schedules",
    "account": "/account",
    "password": "/password",
    "overview": "/admin/overview",
    "operations": "/admin/operations",
    "failures": "/admin/failures",
    "tasks-of-everybody": "/admin/tasks",
    "batches-of-everybody": "/admin/batches",
    "users": "/admin/users",
    "pending-users": "/admin/users/pending",
    "settings": "/admin/settings",
    "audit": "/admin/audit",
}
LOOKS: dict[str, tuple[Device, Theme, Language]] = {
    "light": (DESKTOP, "light", "en"),
    "dark": (DESKTOP, "dark", "de"),
    "phone": (PHONE, "light", "en"),
}
# The app waits for nothing longer than this on this machine; it is what playwright waits for a heading.
PATIENCE_MILLISECONDS = 30_000


async def _show(mock: Mock, path: str, look: str, example: str = "full") -> Watched:
    device, theme, language = LOOKS[look]
    shown = await mock.open(None, device=device, theme=theme, language=language, still=True)
    session: dict[str, Any] = json.loads((GOLDEN / "SessionV1.json").read_text())["full"]
    session["preferences"] |= {"language": language, "theme": theme, "density": "comfortable"}

    async def answer(route: Route) -> None:
        await route.fulfill(json=session)

    await shown.page.route("**/bff/v1/session", answer)
    await shown.page.context.add_cookies([{"name": "mock", "value": example, "url": mock.url}])
    await shown.goto(path)
    await expect(shown.page.locator("main h1")).to_be_visible(timeout=PATIENCE_MILLISECONDS)
    await shown.page.wait_for_load_state("networkidle")
    await expect(shown.page.locator("[aria-busy=true]")).to_have_count(0, timeout=PATIENCE_MILLISECONDS)
    return shown


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_is_accessible_and_fits_its_window(mock: Mock, name: str, look: str) -> None:
    shown = await _show(mock, SCREENS[name], look)
    await shown.is_accessible()
    assert not await shown.scrolls_sideways()
    assert await shown.layout_shift() <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("example", ["empty", "one_part_stale", "one_part_missing"])
@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_without_something_is_accessible_and_fits_a_phone(mock: Mock, name: str, example: str) -> None:
    shown = await _show(mock, SCREENS[name], "phone", example)
    await shown.is_accessible()
    assert not await shown.scrolls_sideways()


@pytest.mark.screens
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", SCREENS)
async def test_the_picture_of_a_screen(mock: Mock, name: str, look: str) -> None:
    shown = await _show(mock, SCREENS[name], look)
    await shown.picture(f"{name}-{look}")
