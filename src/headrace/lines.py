"""The lines of NDJSON that arrives in chunks. Only a line feed ends one: JSON may have what Unicode counts as the end of a line."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Final

LINE_BYTES_MAX: Final = 16 << 20  # of a task that has saved tens of thousands of files


async def split_lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Give the lines of chunks, empty ones included, each without its end.

    Raises:
        ValueError: A line has more than `LINE_BYTES_MAX`.
    """
    cut = _Cut()
    async for chunk in chunks:
        for line in cut.take(chunk):
            yield line
        cut.check()
    if cut.rest:
        yield bytes(cut.rest)


def split_lines_blocking(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Give the lines of chunks as `split_lines` does.

    Raises:
        ValueError: A line has more than `LINE_BYTES_MAX`.
    """
    cut = _Cut()
    for chunk in chunks:
        yield from cut.take(chunk)
        cut.check()
    if cut.rest:
        yield bytes(cut.rest)


class _Cut:
    """Where chunks are cut into lines. ``rest`` is the line that has no end yet."""

    def __init__(self) -> None:
        self.rest = bytearray()

    def take(self, chunk: bytes) -> Iterator[bytes]:
        self.rest += chunk
        # A line may come in many chunks, so the whole of it is not copied for each.
        if b"\n" in chunk:
            *lines, self.rest = self.rest.split(b"\n")
            yield from map(bytes, lines)

    def check(self) -> None:
        if len(self.rest) > LINE_BYTES_MAX:
            raise ValueError(f"a line has more than {LINE_BYTES_MAX:,} bytes")
