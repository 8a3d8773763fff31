"""The pictures of docs/screens: a real `headrace up` at the work of `headrace demo`, as somebody sees it who tries it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from headrace.embedded.credentials import Credentials
from headrace.embedded.home import Home
from headrace.embedded.network import free_ports
from tests.conftest import make_place
from tests.waiting import until
from tests.web.installation import DESKTOP, PHONE, Browsers, Device, Theme
from tests.web.watched import ROOT, Watched

START_SECONDS = 120.0
PATIENCE_MILLISECONDS = 60_000
WORK_SECONDS = 600.0
# Enough of each minute's work for a chart of several minutes.
SUCCEEDED = 300
ESSAY = "The water comes down from the hills in spring, and the wheel begins to turn. Nobody knew who had build it."
# A traceback names the folder of the checkout, which is nobody's business.
WITHOUT_FOLDER = """
(folder) => {
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(folder, "/srv/headrace");
}
"""
LINK = re.compile(r"(http://\S+)(/enter/\S+)")


@pytest.mark.screens
async def test_the_pictures_of_the_screens(steady: None, shown_browser: Browser) -> None:
    place = make_place()
    try:
        async with _up(place) as (url, link), httpx.AsyncClient(base_url=url) as api:
            credentials = Credentials.read(Home(place / "home").credentials)
            assert credentials is not None
            api.headers["Authorization"] = f"Bearer {credentials.api_key}"
            work = ("demo", "--url", url, "--rate", "3", "--seconds", str(WORK_SECONDS))
            async with _running(place, place / "demo.log", *work):
                await until(lambda: _has_worked(api), "the work of the demo", WORK_SECONDS)
                await _take(Browsers(shown_browser, url), link, api)
    finally:
        shutil.rmtree(place)


async def _take(browsers: Browsers, link: str, api: httpx.AsyncClient) -> None:
    signed_in = await browsers.open(link, still=True)
    await signed_in.page.locator("main h1").wait_for()
    state = await signed_in.page.context.storage_state()

    async def show(path: str, theme: Theme = "light", device: Device = DESKTOP) -> Watched:
        shown = await browsers.open(path, theme=theme, device=device, still=True, storage_state=state)
        await _settle(shown.page)
        return shown

    async def take(name: str, shown: Watched) -> None:
        await shown.picture(name)
        await shown.page.close()

    await take("dashboard-light", await show("/"))
    await take("dashboard-dark", await show("/", "dark"))
    await take("tasks", await show("/tasks"))
    await take("task", await show(f"/tasks/{await _retried(api)}", "dark"))
    await take("batch", await show(f"/batches/{await _batch(api)}"))
    await take("operations", await show("/admin/operations", "dark"))
    await take("phone", await show("/tasks", "dark", PHONE))
    failures = await show("/admin/failures")
    await failures.page.locator("main li a").first.click()
    await _settle(failures.page)
    await failures.page.evaluate(WITHOUT_FOLDER, str(ROOT))
    await take("failures", failures)
    new = await show("/new?kind=text_feedback")
    await new.page.get_by_role("textbox", name=re.compile("^Heading")).fill("The mill on the river")
    await new.page.get_by_role("textbox", name=re.compile("^Text")).fill(ESSAY)
    await take("new-task", new)
    await browsers.close()


async def _settle(page: Page) -> None:
    """Wait for what was asked for, the gauges that come every two seconds among it."""
    await page.locator("main h1").wait_for()
    await page.wait_for_load_state("networkidle")
    # A part that could not be told in time is asked for again.
    await expect(page.get_by_role("button", name="Retry")).to_have_count(0, timeout=PATIENCE_MILLISECONDS)
    await page.evaluate("new Promise((done) => setTimeout(done, 3000))")


async def _has_worked(api: httpx.AsyncClient) -> bool:
    answer = await api.get("/bff/v1/member/dashboard")
    return answer.json()["counts"]["succeeded"] >= SUCCEEDED


async def _retried(api: httpx.AsyncClient) -> str:
    """The task to look at: one that runs again after an attempt that failed, or has."""
    tasks = (await api.get("/api/v1/tasks", params={"kind": "demo_steps", "limit": 200})).json()["items"]
    return max(tasks, key=lambda task: (task["attempt"], task["state"] == "running", task["created_at"]))["id"]


async def _batch(api: httpx.AsyncClient) -> str:
    return (await api.get("/api/v1/batches")).json()["items"][0]["id"]


@asynccontextmanager
async def _up(place: Path) -> AsyncGenerator[tuple[str, str]]:
    """A running `headrace up`: its address, and the path that signs in."""
    said = place / "up.log"

    def link() -> re.Match[str] | None:
        return LINK.search(said.read_text())

    async with _running(place, said, "up", "--no-web", "--port", str(free_ports(1)[0])):
        found = await until(link, "`headrace up`", START_SECONDS)
        yield found.group(1), found.group(2)


@asynccontextmanager
async def _running(place: Path, said: Path, *arguments: str) -> AsyncGenerator[None]:
    """Have a command run while the block does."""
    environ = {**os.environ, "HEADRACE_HOME": str(place / "home"), "HEADRACE_CONSUMERS": "consumers"}
    with said.open("wb") as log:
        command = (sys.executable, "-m", "headrace", *arguments)
        process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
