"""Every screen on its golden examples: accessible, still, and no wider than its window, in light, dark and on a phone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

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
    "files": "/files",
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
SHIFT_MAX = 0.02
# The app waits for nothing longer than this on this machine; it is what playwright waits for a heading.
PATIENCE_MILLISECONDS = 30_000
# The words for states that a column of a table cuts.
CUT_STATES = """() => [...document.querySelectorAll("td .mark")]
  .filter((mark) => mark.closest("td").scrollWidth > mark.closest("td").clientWidth)
  .map((mark) => mark.textContent)"""
# Everything that was asked for is there, and has been drawn.
IS_DRAWN = "() => document.fonts.ready.then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))"


class Look(NamedTuple):
    """How a screen is shown, and with which of its examples."""

    theme: Theme = "light"
    language: Language = "en"
    example: str = "full"


# A browser shows one look after the other: most of the time of a test is what a new browser takes.
LOOKS: dict[str, tuple[Device, list[Look]]] = {
    "desktop": (DESKTOP, [Look(), Look("dark", "de")]),
    "phone": (
        PHONE,
        [
            Look(),
            Look("dark", "de"),
            Look(example="empty"),
            Look(example="one_part_stale"),
            Look("dark", example="one_part_missing"),
        ],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("device", LOOKS)
@pytest.mark.parametrize("name", SCREENS)
async def test_a_screen_is_accessible_still_and_fits_its_window(mock: Mock, name: str, device: str) -> None:
    window, looks = LOOKS[device]
    shown = await mock.open(None, device=window, still=True)
    for look in looks:
        await _show(shown, SCREENS[name], look)
        await shown.is_accessible()
        assert not await shown.scrolls_sideways(), look
        assert await shown.layout_shift() <= SHIFT_MAX, look
        assert await shown.page.evaluate(CUT_STATES) == [], look


async def _show(shown: Watched, path: str, look: Look) -> None:
    session: dict[str, Any] = json.loads((GOLDEN / "SessionV1.json").read_text())["full"]
    session["preferences"] |= {"language": look.language, "theme": look.theme, "density": "comfortable"}

    async def answer(route: Route) -> None:
        await route.fulfill(json=session)

    await shown.page.route("**/bff/v1/session", answer)
    await shown.page.context.add_cookies([{"name": "mock", "value": look.example, "url": shown.url}])
    await shown.goto(path)
    await expect(shown.page.locator("main h1")).to_be_visible(timeout=PATIENCE_MILLISECONDS)
    await shown.page.wait_for_load_state("networkidle")
    await expect(shown.page.locator("[aria-busy=true]")).to_have_count(0, timeout=PATIENCE_MILLISECONDS)
    await shown.page.evaluate(IS_DRAWN)
