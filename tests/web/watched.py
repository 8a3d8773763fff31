"""A page that is watched for everything that goes wrong in it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Response

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs/screens"
AXE = ROOT / "frontend/node_modules/axe-core/axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

# The browser says this of each answer of 400 or more, also of those that the app expects; `Watched` looks at answers itself.
_OF_ANSWER = re.compile(r"^Failed to load resource: the server responded with a status of \d+")
_OF_CONNECTION = re.compile(r"net::ERR_")
_OF_API = ("/api/", "/bff/", "/enter/", "/health/")

# Runs in every page before anything else.
MEASURE = """
window.__seen = {shift: 0, paint: 0, violations: []};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.__seen.shift += entry.value;
}).observe({type: "layout-shift", buffered: true});
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.__seen.paint = Math.max(window.__seen.paint, entry.startTime);
}).observe({type: "largest-contentful-paint", buffered: true});
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`content security policy: ${event.violatedDirective} blocked ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`);
});
"""
# What goes round for ever, as a sign that something is loading, has no end to wait for.
SETTLED = """
() => Promise.allSettled(
  document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime < Infinity).map((each) => each.finished))
"""
AXE_RUN = """
async (tags) => (await axe.run(document, {runOnly: tags, resultTypes: ["violations"]})).violations.map(
  (found) => `${found.impact} ${found.id}: ${found.help}\\n` + found.nodes.slice(0, 5).map(
    (node) => `    ${node.html.slice(0, 200)}\\n      ${(node.failureSummary ?? "").replaceAll("\\n", "\\n      ")}`).join("\\n"))
"""


class Watched:
    """A page, and what has gone wrong in it.

    Attributes:
        page: The page of playwright.
        user: The id of the account that is signed in; empty when nobody is.
        key: An API key of that account.
        wrong: What has gone wrong so far, without what was expected.
    """

    def __init__(self, page: Page, url: str, user: str = "", key: str = "", email: str = "") -> None:
        self.page = page
        self.url = url
        self.user = user
        self.key = key
        self.email = email
        self.wrong: list[str] = []
        self._expects_trouble = 0
        self._tabs: list[Watched] = []
        page.on("pageerror", lambda error: self.wrong.append(f"uncaught: {error}\n{error.stack or ''}"))
        page.on("console", self._hear)
        page.on("response", self._note_answer)
        page.on("crash", lambda _: self.wrong.append("the page has crashed"))

    async def goto(self, path: str) -> None:
        """Open an address of the app."""
        await self.page.goto(self.url + path)

    async def another_tab(self, path: str = "/") -> Watched:
        """Open one more tab of the same browser."""
        tab = Watched(await self.page.context.new_page(), self.url, self.user, self.key, self.email)
        self._tabs.append(tab)
        await tab.goto(path)
        return tab

    @asynccontextmanager
    async def in_trouble(self) -> AsyncGenerator[None]:
        """Expect answers of 500 and more, and connections that are lost, in this page while the block runs."""
        self._expects_trouble += 1
        try:
            yield
        finally:
            self._expects_trouble -= 1

    async def is_accessible(self) -> None:
        """Check the page with axe, as it is when what fades in or out has done so."""
        await self.page.evaluate(SETTLED)
        await self.page.evaluate(_axe())
        found = await self.page.evaluate(AXE_RUN, AXE_TAGS)
        assert found == [], f"{self.page.url}\n" + "\n".join(found)

    async def layout_shift(self) -> float:
        """The cumulative layout shift since the page was loaded; at most 0.02 is wanted."""
        return await self.page.evaluate("window.__seen.shift")

    async def largest_paint(self) -> float:
        """Milliseconds until the largest part was painted, since the page was asked for."""
        return await self.page.evaluate("window.__seen.paint")

    async def scrolls_sideways(self) -> bool:
        """Whether the page is wider than its window."""
        return await self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")

    async def picture(self, name: str, **options: Any) -> None:
        """Take a picture for docs/screens, of the part that is visible; where ImageMagick is there, with as few bytes as 256 colours take."""
        PICTURES.mkdir(exist_ok=True)
        await self.page.evaluate("document.fonts.ready")
        place = PICTURES / f"{name}.png"
        await self.page.screenshot(path=place, animations="disabled", scale="css", **options)
        if (convert := shutil.which("convert")) is not None:
            smaller = (convert, str(place), "+dither", "-colors", "256", "-strip", f"PNG8:{place}")
            assert await (await asyncio.create_subprocess_exec(*smaller)).wait() == 0

    def check(self) -> None:
        """Fail when something has gone wrong in it, or in one of its further tabs."""
        assert self.wrong == [], f"{self.page.url}\n" + "\n".join(self.wrong)
        for tab in self._tabs:
            tab.check()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        path = urlsplit(message.location.get("url", "")).path
        if _OF_ANSWER.search(message.text) and path.startswith(_OF_API):
            return
        if _OF_CONNECTION.search(message.text) and self._expects_trouble:
            return
        self.wrong.append(f"console.error: {message.text} ({path})")

    def _note_answer(self, response: Response) -> None:
        if response.status >= 500 and not self._expects_trouble:
            self.wrong.append(f"{response.status} to {response.request.method} {response.url}")


@cache
def _axe() -> str:
    return AXE.read_text() + "\n;undefined"


async def make_watchable(context: BrowserContext, **preferences: str) -> None:
    """Have every page of a browser measured, and find these preferences in its storage."""
    await context.add_init_script(MEASURE)
    if preferences:
        stored = json.dumps(preferences)
        await context.add_init_script(
            f"for (const [name, value] of Object.entries({stored})) localStorage.getItem(name) ?? localStorage.setItem(name, value);"
        )
