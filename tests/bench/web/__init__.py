"""What the web application costs the browser that shows it: how soon it is painted, and how much it works."""

from __future__ import annotations

from headrace import web_place
from headrace.embedded.web_app import bring_up_to_date
from tests.bench.errors import BenchError
from tests.bench.report import Report
from tests.bench.sizes import Sizes
from tests.bench.stack import bench_stack, temporary_home
from tests.bench.web.idle import idle
from tests.bench.web.paint import paint
from tests.bench.web.pixel import pixel
from tests.bench.web.scroll import scroll
from tests.bench.web.visitor import Visitor, sign_in
from tests.browser.page import chromium

PARTS = ("paint", "idle", "pixel", "scroll")


async def web(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Build the app and measure the given parts, each in a browser with nothing in its cache."""
    frontend = web_place.sources()
    if frontend is None or not await bring_up_to_date(frontend, report.say):
        raise BenchError("the web app cannot be built")
    with temporary_home() as home:
        async with bench_stack(home) as stack, chromium() as browser:
            visitor = Visitor(browser, f"http://127.0.0.1:{stack.up.port}", await sign_in(stack))
            if "paint" in parts:
                await paint(report, stack, visitor)
            if "idle" in parts:
                await idle(report, stack, visitor, sizes)
            if "pixel" in parts:
                await pixel(report, stack, visitor, sizes)
            if "scroll" in parts:
                await scroll(report, stack, visitor, sizes)
