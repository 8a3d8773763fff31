"""The inputs of a batch as NDJSON, an input a line; once, or as often as need be."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from types import TracebackType
from typing import Any, Self

import msgspec

PART_BYTES = 64 << 10  # bytes that are sent at once
MEMORY_BYTES = 1 << 20  # bytes that are kept in memory, before it is a file

_encode = msgspec.json.Encoder().encode


class Lines:
    """The body of a batch. Use as a context manager: at its end what was kept is gone.

    Args:
        inputs: What gives one JSON object each; asked for each once, however often the body is sent.
        keep: Whether the body may be sent again, and is kept for that.
    """

    def __init__(self, inputs: Iterable[Any] | AsyncIterable[Any], *, keep: bool) -> None:
        self._rest = aiter(inputs if isinstance(inputs, AsyncIterable) else _one_by_one(inputs))
        self._kept = tempfile.SpooledTemporaryFile(MEMORY_BYTES) if keep else None  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._kept is not None:
            self._kept.close()

    async def parts(self) -> AsyncGenerator[bytes]:
        """The whole body, from its first input on: what was sent before, then what has not been."""
        if self._kept is not None:
            self._kept.seek(0)
            while part := await asyncio.to_thread(self._kept.read, PART_BYTES):
                yield part
        part = bytearray()
        async for each in self._rest:
            part += _line(each)
            if len(part) >= PART_BYTES:
                yield await self._keep(bytes(part))
                part.clear()
        if part:
            yield await self._keep(bytes(part))

    async def _keep(self, part: bytes) -> bytes:
        if self._kept is not None:
            await asyncio.to_thread(self._kept.write, part)
        return part


def _line(input: Any) -> bytes:
    """An input on one line: JSON that was written by somebody else may have line breaks, though not in its strings."""
    return _encode(input).replace(b"\n", b" ") + b"\n"


async def _one_by_one(inputs: Iterable[Any]) -> AsyncIterator[Any]:
    for each in inputs:
        yield each
