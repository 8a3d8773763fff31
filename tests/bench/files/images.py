"""Variants of photos by tasks, beside the same work by a pool of as many processes and nothing around it."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path

from PIL import Image

from headrace.client import Client
from tests.bench.errors import BenchError
from tests.bench.report import Figure, Report, Target
from tests.bench.sizes import Sizes

PHOTOS = 8  # that differ; each is used many times
SIZE = (4000, 3000)  # 12 megapixels
WIDTHS = (480, 1080, 1920)
FORMATS = ("webp", "jpeg")
NOISE = 60.0  # the deviation of the grains, of which a fifth stays
BATCH_SECONDS = 3600.0


async def images(report: Report, client: Client, place: Path, sizes: Sizes) -> None:
    """Make the variants of many photos, first by a batch and then by the library."""
    photos = [await asyncio.to_thread(_write_photo, place / f"photo-{number}.jpg", number) for number in range(PHOTOS)]
    files = [(await client.files.upload(each)).id for each in photos]
    chosen = [files[number % PHOTOS] for number in range(sizes.photos)]
    batch = await client.batch_of_files("image_variants", chosen, {"widths": WIDTHS, "formats": FORMATS})
    async with asyncio.timeout(BATCH_SECONDS):
        while batch.settled_at is None:
            batch = await client.get_batch(batch.id, wait=30)
    seconds = await _span(client, batch.id, sizes.photos)
    alone = await _alone(place, [photos[number % PHOTOS] for number in range(sizes.photos)])
    share = 100 * alone / seconds
    report.say(f"photos: {sizes.photos / seconds:.1f} a second")
    report.figures.append(
        Figure(
            name=f"image_variants of {sizes.photos} photos of 12 MP, against the library alone",
            measured=f"{share:.0f} %",
            yardstick=f"{sizes.photos / seconds:.2f} /s; the library in {_processes()} processes "
            f"{sizes.photos / alone:.2f} /s",
            value=share,
            unit="%",
            target=Target(least=85),
            detail={"seconds": seconds, "library seconds": alone},
        )
    )


async def _span(client: Client, batch: str, count: int) -> float:
    """Return the seconds from the first start of a task to the last end."""
    started, finished = list[datetime](), list[datetime]()
    async for each in client.batch_results(batch):
        if each.started_at is None or each.finished_at is None or each.error is not None:
            raise BenchError(f"task {each.task} is {each.state}: {each.error}")
        started.append(each.started_at)
        finished.append(each.finished_at)
    if len(started) != count:
        raise BenchError(f"{count} photos were submitted, and {len(started)} have results")
    return (max(finished) - min(started)).total_seconds()


def _write_photo(path: Path, number: int) -> Path:
    """Write a JPEG as large as those of a camera: gradients with noise, which does not compress to nothing."""
    gradient = Image.linear_gradient("L").resize(SIZE)
    bands = [gradient.rotate(90 * (number + band)).resize(SIZE) for band in range(3)]
    grains = Image.effect_noise(SIZE, NOISE)
    Image.merge("RGB", [Image.blend(band, grains, 0.2) for band in bands]).save(path, quality=88)
    return path


async def _alone(place: Path, photos: list[Path]) -> float:
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(_processes()) as pool:
        # The processes have started, and imported what they need, before the clock does.
        await asyncio.gather(*(loop.run_in_executor(pool, _make, photos[0], place) for _ in range(_processes())))
        began = time.perf_counter()
        await asyncio.gather(*(loop.run_in_executor(pool, _make, each, place) for each in photos))
        return time.perf_counter() - began


def _make(photo: Path, place: Path) -> None:
    """Make the variants of one photo as the kind does, and write them to files."""
    from consumers._image.decoding import decode
    from consumers._image.encoding import encode, resize

    decoded = decode(photo, WIDTHS, print)
    pixels = decoded.pixels
    for width in sorted(WIDTHS, reverse=True):
        for format in FORMATS:
            pixels = resize(pixels, width, (decoded.width, decoded.height))
            (place / f"{os.getpid()}-{width}.{format}").write_bytes(encode(pixels, format, None))


def _processes() -> int:
    return len(os.sched_getaffinity(0))
