"""Somebody who has signed in, and looks at the app."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import psutil
from playwright.async_api import Browser, CDPSession, Page, StorageState

from headrace.embedded.credentials import Credentials
from tests.bench.errors import BenchError
from tests.bench.stack import Stack
from tests.web.watched import MEASURE

RENDERER = "--type=renderer"


class Visitor(NamedTuple):
    """Where the app is, and the session of who looks at it."""

    browser: Browser
    url: str
    session: StorageState

    @asynccontextmanager
    async def page(self, path: str) -> AsyncGenerator[Page]:
        """Open an address in a browser whose cache is empty, and wait until the screen is there."""
        context = await self.browser.new_context(viewport={"width": 1280, "height": 800}, storage_state=self.session)
        try:
            await context.add_init_script(MEASURE)
            page = await context.new_page()
            await page.goto(f"{self.url}{path}")
            await page.locator("main h1").wait_for()
            yield page
        finally:
            await context.close()


async def sign_in(stack: Stack) -> StorageState:
    """Sign the administrator in, as the form does."""
    credentials = Credentials.read(stack.up.home.credentials)
    if credentials is None:
        raise BenchError("headrace up has made no administrator")
    url = f"http://127.0.0.1:{stack.up.port}"
    body = {"email": credentials.email, "password": credentials.password, "cookies": True}
    async with httpx.AsyncClient(base_url=url, headers={"X-Headrace-CSRF": "1", "Origin": url}) as http:
        answer = (await http.post("/api/v1/session", json=body)).raise_for_status()
    cookies: list[Any] = [
        {
            "name": cookie.name,
            "value": cookie.value or "",
            "domain": "127.0.0.1",
            "path": cookie.path,
            "expires": -1,
            "httpOnly": True,
            "secure": cookie.secure,
            "sameSite": "Lax",
        }
        for cookie in answer.cookies.jar
    ]
    return {"cookies": cookies, "origins": []}


class MainThread:
    """What the main thread of a page has worked, in CPU time."""

    def __init__(self, devtools: CDPSession) -> None:
        self._devtools = devtools

    @classmethod
    async def of(cls, page: Page) -> MainThread:
        """Begin to count."""
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        return cls(devtools)

    async def seconds(self) -> dict[str, float]:
        """Seconds until now, by what they were spent for; ``TaskDuration`` is all of them."""
        found: dict[str, list[dict[str, Any]]] = await self._devtools.send("Performance.getMetrics")
        return {each["name"]: each["value"] for each in found["metrics"] if each["name"].endswith("Duration")}


def renderer_seconds() -> float:
    """CPU time of all threads of all renderers that this process has started."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if RENDERER in process.cmdline():
                times = process.cpu_times()
                total += times.user + times.system
        except psutil.NoSuchProcess:  # the page of the part before
            continue
    return total
