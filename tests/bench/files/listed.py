"""How long a page of a list of many files takes to come, from the first page to the last, and by a part of the name."""

from __future__ import annotations

import time
from typing import Any, cast

import asyncpg
import httpx

from tests.bench.errors import BenchError
from tests.bench.report import Figure, Report, Target, percentile
from tests.bench.sizes import Sizes
from tests.bench.stack import Up

PAGE_FILES = 50
WARM_UP_PAGES = 20

_INSERT = """
    INSERT INTO files (id, owner, name, media_type, size, sha256, state, created_at, ready_at)
    SELECT 'bench-' || n, (SELECT owner FROM files WHERE id = $1), 'photo ' || substr(md5(n::text), 1, 8) || '.jpg', 'image/jpeg', 1000, md5(n::text) || md5(n::text), 'ready',
           now() - n * interval '1 second', now()
    FROM generate_series(1, $2::int) n
"""


async def listed(report: Report, up: Up, sizes: Sizes) -> None:
    """Write the rows of files, and read all pages of the list."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{up.port}", headers=up.signed) as http:
        first = (await http.post("/api/v1/files/content?name=a.txt", content=b"a")).raise_for_status().json()["id"]
        connection: Any = await cast("Any", asyncpg).connect(up.running.database_url)
        try:
            await connection.execute(_INSERT, first, sizes.files)
            await connection.execute("ANALYZE files")
        finally:
            await connection.close()
        for _ in range(WARM_UP_PAGES):
            await _page(http, {})
        taken, found = list[float](), 0
        cursor: str | None = None
        while cursor is not None or not taken:
            seconds, page = await _page(http, {"cursor": cursor} if cursor else {})
            taken.append(1000 * seconds)
            found += len(page["items"])
            cursor = page["next_cursor"]
    if found < sizes.files:
        raise BenchError(f"there are {sizes.files:,} files, and the list has {found:,}")
    report.say(f"a page of files: p99 {percentile(taken, 99):.1f} ms")
    report.figures.append(
        Figure(
            name=f"a page of {PAGE_FILES} of {sizes.files:,} files, p99",
            measured=f"{percentile(taken, 99):.1f} ms",
            yardstick=f"p50 {percentile(taken, 50):.1f} ms, {len(taken)} pages",
            value=percentile(taken, 99),
            unit="ms",
            target=Target(most=20),
        )
    )


async def _page(http: httpx.AsyncClient, more: dict[str, str]) -> tuple[float, dict[str, Any]]:
    began = time.perf_counter()
    answer = await http.get("/api/v1/files", params={"limit": PAGE_FILES, **more})
    seconds = time.perf_counter() - began
    return seconds, answer.raise_for_status().json()
