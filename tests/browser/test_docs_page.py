"""The documentation in a browser: it shows every route, and the browser asks no other host for anything."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.browser.page import chromium
from tests.cluster import Cluster


@pytest.mark.slow
async def test_the_documentation_shows_every_route_and_asks_nobody_else(cluster: Cluster) -> None:
    document = (await cluster.http.get("/api/docs/openapi.json")).json()
    operations = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    async with chromium() as browser:
        page = await browser.new_page()
        asked: list[str] = []
        wrong: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: wrong.append(message.text))
        await page.goto(f"{cluster.url}/api/docs")
        await page.wait_for_selector("section")
        shown = await page.evaluate("[...document.querySelectorAll('section')].map((each) => each.id)")
    assert [each for each in shown if not each.startswith("schema-")] == sorted(operations, key=shown.index)
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(cluster.url).netloc}
    assert wrong == []
