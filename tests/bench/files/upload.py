"""How fast a body becomes a file, beside `cp` and SHA-256 of the same bytes, each in the same round."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import os
import shutil
import statistics
import time
from pathlib import Path

from tests.bench.errors import BenchError
from tests.bench.processes import cpu_seconds
from tests.bench.report import Figure, Report, Target, spread
from tests.bench.sizes import Sizes
from tests.bench.stack import Up

CHUNK_BYTES = 1 << 20
SEND_SECONDS = 300.0
MEGABYTE = 1e6


async def upload(report: Report, up: Up, place: Path, sizes: Sizes) -> None:
    """Send one file again and again, and copy and hash it in between."""
    source = place / "upload.bin"
    await asyncio.to_thread(_fill, source, sizes.upload_bytes)
    sent, copied, cpu = list[float](), list[float](), list[float]()
    for _ in range(sizes.rounds):
        # What the last round has left in the page cache is written in nobody's time.
        await asyncio.to_thread(os.sync)
        before = cpu_seconds(up.running)["api"]
        sent.append(sizes.upload_bytes / MEGABYTE / await asyncio.to_thread(_send, up, source))
        cpu.append((cpu_seconds(up.running)["api"] - before) / (sizes.upload_bytes / 1e9))
        await asyncio.to_thread(os.sync)
        copied.append(sizes.upload_bytes / MEGABYTE / await asyncio.to_thread(_copy_and_hash, source))
    source.unlink()
    share = [100 * mine / other for mine, other in zip(sent, copied, strict=True)]
    report.say(f"uploads: {statistics.median(sent):,.0f} MB/s")
    report.figures.append(
        Figure(
            name="an upload in one request, by one API process",
            measured=spread(sent, "MB/s"),
            yardstick=f"{spread(share, '%')} of cp and SHA-256, {spread(copied, 'MB/s')}; "
            f"API {statistics.median(cpu):.1f} s of CPU a GB",
            value=statistics.median(sent),
            unit="MB/s",
            target=Target(least=400),
            detail={"MB/s": sent, "cp and SHA-256 MB/s": copied, "CPU s/GB": cpu},
        )
    )


def _fill(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(size // CHUNK_BYTES):
            file.write(os.urandom(CHUNK_BYTES))


def _send(up: Up, source: Path) -> float:
    """Send a file as the body of a request, and return how many seconds the answer took."""
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=SEND_SECONDS, blocksize=CHUNK_BYTES)
    headers = {**up.signed, "Content-Length": str(source.stat().st_size), "Content-Type": "application/octet-stream"}
    try:
        with source.open("rb") as body:
            began = time.perf_counter()
            connection.request("POST", "/api/v1/files/content?name=upload.bin", body=body, headers=headers)
            answer = connection.getresponse()
            said = answer.read()
            took = time.perf_counter() - began
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.CREATED:
        raise BenchError(f"an upload was answered with {answer.status}: {said[:200]!r}")
    return took


def _copy_and_hash(source: Path) -> float:
    """Return how many seconds it takes to copy a file, and then to hash the copy."""
    copy = source.with_suffix(".copy")
    began = time.perf_counter()
    shutil.copyfile(source, copy)
    with copy.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    took = time.perf_counter() - began
    copy.unlink()
    return took
