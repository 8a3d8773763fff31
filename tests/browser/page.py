"""A page with an `EventSource` in it, where it comes from, and the browser that shows it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright
from playwright.async_api import Page as BrowserPage

from headrace.contracts.events import EventName
from tests.sse import Seen

PATIENCE_SECONDS = 20.0
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # which root cannot have
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CLOSED = "source.readyState === EventSource.CLOSED"
SCRIPT = """
const seen = [];
const said = {opened: 0, errors: 0, problems: []};
let source;

function follow(url) {
  source = new EventSource(url);
  source.onopen = () => { said.opened += 1; };
  source.onerror = () => { said.errors += 1; };
  source.addEventListener("problem", (event) => { said.problems.push(JSON.parse(event.data).error_code); });
  source.onmessage = (event) => { seen.push([event.lastEventId, "(no name)", event.data]); };
  for (const name of NAMES)
    source.addEventListener(name, (event) => { seen.push([event.lastEventId, event.type, event.data]); });
}
""".replace("NAMES", json.dumps([*EventName, "reset"]))
HTML = f"<!doctype html><title>Somebody's product</title><script>{SCRIPT}</script>"


class Page:
    """The page, and what its `EventSource` has come to. It remembers everything that it is given."""

    def __init__(self, page: BrowserPage) -> None:
        self.page = page

    async def follow(self, url: str) -> None:
        await self.page.evaluate("(url) => follow(url)", url)

    async def seen(self) -> list[Seen]:
        return [Seen(id_, event, json.loads(data)) for id_, event, data in await self.page.evaluate("seen")]

    async def sees(self, count: int) -> list[Seen]:
        """Wait until it was given so many events."""
        await self._waits_for(f"seen.length >= {count}", f"{count} events")
        return await self.seen()

    async def opens(self, times: int) -> None:
        """Wait until its stream was opened so often."""
        await self._waits_for(f"said.opened >= {times}", f"a stream to be opened {times} times")

    async def loses(self, times: int) -> None:
        """Wait until its stream has ended, whatever the reason, so often."""
        await self._waits_for(f"said.errors >= {times}", f"a stream to end {times} times")

    async def is_told(self, problem: str) -> None:
        """Wait until a stream has told it that there is a problem, by its code."""
        await self._waits_for(f"said.problems.includes({json.dumps(problem)})", f"the problem {problem}")

    async def closes(self) -> None:
        """Wait until it has given up, as it does when there is nothing more to come."""
        await self._waits_for(CLOSED, "the EventSource to close")

    async def has_given_up(self) -> bool:
        return await self.page.evaluate(CLOSED)

    async def opened(self) -> int:
        return await self.page.evaluate("said.opened")

    async def leave(self) -> None:
        await self.page.close()

    async def _waits_for(self, condition: str, what: str) -> None:
        try:
            await self.page.wait_for_function(f"() => {condition}", timeout=PATIENCE_SECONDS * 1000, polling=20)
        except Exception as error:
            state: Any = await self.page.evaluate("[source && source.readyState, said, seen]")
            raise AssertionError(f"waited in vain for {what}; readyState, counts and events: {state}") from error


@asynccontextmanager
async def chromium(*arguments: str) -> AsyncGenerator[Browser]:
    """The machine's own Chromium, without a window, with further arguments."""
    found = shutil.which("chromium")
    if found is None:
        reason = (
            "there is no `chromium` on PATH; install it to run the browser tests (Debian: apt-get install chromium)"
        )
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=(*ARGUMENTS, *arguments))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def page_at(browser: Browser, url: str, *, key: str | None = None) -> AsyncGenerator[Page]:
    """A page of an origin; in a page that is not ours, with our script. With a key, all its requests have it, streams as well."""
    # The API's own answers may run no script; ours stands in for the web app of the same origin.
    page = await browser.new_page(bypass_csp=True)
    try:
        if key is not None:
            await page.set_extra_http_headers({"Authorization": f"Bearer {key}"})
        await page.goto(url)
        if not await page.evaluate("typeof follow === 'function'"):
            await page.add_script_tag(content=SCRIPT)
        yield Page(page)
    finally:
        await page.close()


@asynccontextmanager
async def product() -> AsyncGenerator[str]:
    """Somebody's web server, which has nothing but the page; its origin."""
    body = HTML.encode()
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head % len(body) + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
