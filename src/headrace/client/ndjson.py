"""Write the inputs of a batch as NDJSON, one input a line, so that the body can be sent several times."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from headrace.client.driver import Driver

PART_BYTES = 64 << 10  # sent at once
MEMORY_BYTES = 1 << 20  # kept in memory; a longer body is kept in a file

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class BatchBody:
    """The body of a batch. It is a context manager; at its end the kept copy is deleted.

    Args:
        inputs: The inputs, one JSON object each. Each is read once, however often the body is sent.
        driver: Reads and writes the file.
        keep: Whether to keep what was sent, so that the body can be sent again.
    """

    def __init__(self, inputs: Iterable[Any] | AsyncIterable[Any], driver: Driver, *, keep: bool) -> None:
        self._driver = driver
        self._rest = one_by_one(inputs)
        self._kept = tempfile.SpooledTemporaryFile(MEMORY_BYTES) if keep else None  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._kept is not None:
            self._kept.close()

    async def parts(self) -> AsyncGenerator[bytes]:
        """Give the parts of the whole body: first what was sent before, then what was not."""
        if self._kept is not None:
            self._kept.seek(0)
            while part := await self._driver.in_thread(self._kept.read, PART_BYTES):
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
            await self._driver.in_thread(self._kept.write, part)
        return part


def _line(input: Any) -> bytes:
    """Write an input on one line. Given as JSON it may have line breaks, but never in its strings."""
    return _encode(input).replace(b"\n", b" ") + b"\n"


async def one_by_one(inputs: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    """Give inputs as they are asked for, wherever they come from."""
    if isinstance(inputs, AsyncIterable):
        async for each in inputs:
            yield each
    else:
        for each in inputs:
            yield each
