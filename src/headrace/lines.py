"""The lines of NDJSON that arrives in chunks. Only a line feed ends one: JSON may have what Unicode counts as the end of a line."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

LINE_BYTES_MAX: Final = 16 << 20  # of a task that has saved tens of thousands of files


async def split_lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Give the lines of chunks, empty ones included, each without its end.

    Raises:
        ValueError: A line has more than `LINE_BYTES_MAX`.
    """
    rest = bytearray()
    async for chunk in chunks:
        rest += chunk
        # A line may come in many chunks, so the whole of it is not copied for each.
        if b"\n" in chunk:
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield bytes(line)
        if len(rest) > LINE_BYTES_MAX:
            raise ValueError(f"a line has more than {LINE_BYTES_MAX:,} bytes")
    if rest:
        yield bytes(rest)
