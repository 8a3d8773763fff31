"""What uploads take of the memory of the API, however large they are and however many come at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import psutil
import pytest

from tests.cluster import Cluster

pytestmark = pytest.mark.slow

UPLOADS = 20
UPLOAD_BYTES = 200 << 20
GROWTH_BYTES_MAX = 50 << 20
LOOK_SECONDS = 0.02
CHUNK = bytes(1 << 20)


async def body() -> AsyncIterator[bytes]:
    for _ in range(UPLOAD_BYTES // len(CHUNK)):
        yield CHUNK


async def upload(http: httpx.AsyncClient) -> str:
    headers = {"Content-Length": str(UPLOAD_BYTES), "Content-Type": "application/octet-stream"}
    answer = await http.post("/api/v1/files/content?name=zeros.bin", content=body(), headers=headers, timeout=300)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def watch(process: psutil.Process) -> int:
    """Look at the memory of a process until cancelled, and return the largest that was seen."""
    peak = 0
    try:
        while True:
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(LOOK_SECONDS)
    except asyncio.CancelledError:
        return peak


async def test_twenty_uploads_of_200_megabytes_at_once_leave_the_memory_of_the_api_flat(with_files: Cluster) -> None:
    api = psutil.Process(next(each.pid for each in with_files.members if each.name == "api"))
    files = [await upload(with_files.http)]
    before = api.memory_info().rss
    watching = asyncio.create_task(watch(api))
    files += await asyncio.gather(*(upload(with_files.http) for _ in range(UPLOADS)))
    watching.cancel()
    grown = await watching - before
    for file in files:
        assert (await with_files.http.delete(f"/api/v1/files/{file}")).status_code == 204
    assert grown < GROWTH_BYTES_MAX, f"the API has grown by {grown / 1e6:.0f} MB"
