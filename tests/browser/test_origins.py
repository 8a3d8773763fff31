"""What Chromium lets pages of other origins do with the API: those that the settings name, and those that they do not."""

from __future__ import annotations

from contextlib import AsyncExitStack

from playwright.async_api import Page as BrowserPage

from tests.accounts import KEY
from tests.browser.page import chromium, product
from tests.conftest import MakeCluster

FETCH = """async ([url, key, method, body]) => {
  const headers = {Authorization: `Bearer ${key}`};
  if (body) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(url, {method, body, headers, credentials: "include"});
    return [answer.status, answer.headers.get("X-Correlation-Id") !== null, await answer.text()];
  } catch (error) {
    return [0, false, String(error)];
  }
}"""


async def fetch(page: BrowserPage, url: str, method: str = "GET", body: str | None = None) -> tuple[int, bool]:
    """What a page is given: the status, 0 for nothing, and whether it may read a header."""
    status, reads_headers, _ = await page.evaluate(FETCH, [url, KEY, method, body])
    return status, reads_headers


async def test_a_page_of_a_named_origin_reads_with_credentials_and_another_does_not(make_cluster: MakeCluster) -> None:
    async with AsyncExitStack() as stack:
        named, other = [await stack.enter_async_context(product()) for _ in range(2)]
        cluster = await make_cluster(HEADRACE_API_ORIGINS=named)
        await cluster.start("api")
        browser = await stack.enter_async_context(chromium())
        kinds, cancellations = f"{cluster.url}/api/v1/kinds", f"{cluster.url}/api/v1/cancellations"
        body = '{"select": {}, "dry_run": true}'
        for origin, given in ((named, (200, True)), (other, (0, False))):
            page = await browser.new_page()
            await page.goto(origin)
            assert await fetch(page, kinds) == given
            assert await fetch(page, cancellations, "POST", body) == given
