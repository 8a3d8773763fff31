"""What files cost: uploads beside copying and hashing, the kinds that work on files beside their libraries, and long lists.

Everything runs as `headrace up` starts it, with the kinds of the installation and a directory as the store.
"""

from __future__ import annotations

from headrace.client import Client
from tests.bench.files.images import images
from tests.bench.files.listed import listed
from tests.bench.files.table import table
from tests.bench.files.upload import upload
from tests.bench.report import Report
from tests.bench.sizes import Sizes
from tests.bench.stack import running, temporary_home

PARTS = ("upload", "table", "images", "list")


async def files(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Measure the given parts."""
    # One account uploads more than a person would.
    environ = {"HEADRACE_LIMITS_FACTOR": "1000"}
    with temporary_home() as home:
        arguments = ("headrace", "up", "--home", "{home}", "--port", "{port}")
        async with running(home, *arguments, environ=environ) as up:
            await up.announced({"table_profile", "image_variants"})
            async with Client(f"http://127.0.0.1:{up.port}", key=up.api_key) as client:
                place = home.with_name("work")
                place.mkdir()
                if "upload" in parts:
                    await upload(report, up, place, sizes)
                if "table" in parts:
                    await table(report, up, client, place, sizes)
                if "images" in parts:
                    await images(report, client, place, sizes)
                if "list" in parts:
                    await listed(report, up, sizes)
