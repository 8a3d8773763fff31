"""Reading the inputs of a batch: each is validated as it comes, and kept on the disk until all of them are.

A hundred thousand inputs are neither in memory at once nor validated in one go: other requests have their turns in between.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from types import TracebackType
from typing import Any, Self

import msgspec
from litestar.exceptions import InternalServerException

from headrace.api.edge.problems import split_path
from headrace.catalog import ERRORS_MAX, Catalog
from headrace.contracts.batches import BATCH_BYTES_MAX, INPUTS_MAX
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput, MalformedRequest, TooLarge

SLICE_SECONDS = 0.003  # how long inputs are validated before others have their turn
MEMORY_BYTES = 1 << 20  # bytes of a batch that are kept in memory
TOGETHER_MIN = 2  # inputs given out together: each of two messages of a chunk can have a condition of its own
EVENT_BYTES = 128 << 10  # bytes that an event has besides its input, at most: an error's longest message and traceback

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_decoder = msgspec.json.Decoder(dict[str, Any])


class Intake:
    """The inputs of one batch. Use as a context manager: at its end they are gone from the disk.

    Args:
        catalog: Knows the schema.
        kind: Of all of them.
        input_bytes_max: Of one of them, as it goes to the log.
    """

    def __init__(self, catalog: Catalog, kind: str, input_bytes_max: int) -> None:
        catalog.describe(kind)  # an unknown kind is refused before anything is read
        self.total = 0
        self.size = 0  # bytes
        self._catalog = catalog
        self._kind = kind
        self._input_bytes_max = input_bytes_max
        self._wrong: list[FieldError] = []
        self._invalid = 0  # inputs
        self._hash = hashlib.sha256()
        self._unwritten = bytearray()
        self._slice_began = time.perf_counter()
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._file.close()

    async def take(self, inputs: Iterable[bytes | msgspec.Raw]) -> None:
        """Validate more inputs, each a JSON object, and keep them.

        Raises:
            InvalidInput: very many of them cannot be accepted.
            TooLarge: there are too many, or one of them is too large.
        """
        for each in inputs:
            if self.total == INPUTS_MAX:
                message = f"a batch has at most {INPUTS_MAX:,} inputs; send the others as another batch"
                raise TooLarge(message, [FieldError(path="/inputs", message=message)])
            self._take(each)
            if len(self._unwritten) >= MEMORY_BYTES:
                await self._write()
            if time.perf_counter() - self._slice_began > SLICE_SECONDS:
                await asyncio.sleep(0)
                self._slice_began = time.perf_counter()

    async def complete(self) -> None:
        """There are no more inputs.

        Raises:
            InvalidInput: there are none, or not all can be accepted; the first wrong paths are named.
        """
        if self._wrong:
            raise self._refusal()
        if not self.total:
            message = "a batch has at least one input"
            raise InvalidInput(message, [FieldError(path="/inputs", message=message)])
        await self._write()

    def body_hash(self, of: object) -> str:
        """What tells this batch from another with the same key, whichever way and in whichever order of fields it was sent."""
        whole = self._hash.copy()
        whole.update(_encode(of))
        return whole.hexdigest()[:32]

    async def inputs(self, count: int, bytes_max: int) -> AsyncIterator[list[bytes]]:
        """All of them, in order, up to ``count`` at a time, and fewer when they would have more than ``bytes_max`` bytes.

        None is alone, unless there is no other: two come together whatever their size, and the last one with those before it.
        """
        await asyncio.to_thread(self._file.seek, 0)
        left, held = self.total, b""
        while left:
            chunk, held = await asyncio.to_thread(self._read, left, held, count, bytes_max)
            left -= len(chunk)
            yield chunk

    def _take(self, given: bytes | msgspec.Raw) -> None:
        path = f"/inputs/{self.total}"
        self.total += 1
        try:
            value = _decoder.decode(given)
            encoded = _encode(value)
        except RecursionError:
            self._add_wrong([FieldError(path=path, message="nested too deep to be read")])
            return
        except (msgspec.MsgspecError, ValueError, OverflowError) as error:
            message, at = split_path(str(error))
            self._add_wrong([FieldError(path=path + at, message=message)])
            return
        if wrong := self._catalog.find_errors(self._kind, value, path):
            self._add_wrong(wrong)
        elif len(encoded) > self._input_bytes_max:
            message = f"an input has at most {self._input_bytes_max:,} bytes, this one has {len(encoded):,}; send less"
            raise TooLarge(f"{path}: {message}", [FieldError(path=path, message=message)])
        elif not self._wrong:
            self._hash.update(_encode_sorted(value))
            self._hash.update(b"\n")
            self._unwritten += encoded
            self._unwritten += b"\n"
            self.size += len(encoded)

    def _add_wrong(self, wrong: list[FieldError]) -> None:
        self._invalid += 1
        self._wrong += wrong
        if len(self._wrong) >= ERRORS_MAX:
            raise self._refusal()

    def _refusal(self) -> InvalidInput:
        what = "an input" if self._invalid == 1 else f"{self._invalid} inputs"
        message = f"{what} of kind {self._kind!r} cannot be accepted, see errors; so nothing was"
        return InvalidInput(message, self._wrong[:ERRORS_MAX])

    async def _write(self) -> None:
        unwritten, self._unwritten = self._unwritten, bytearray()
        await asyncio.to_thread(self._file.write, unwritten)

    def _read(self, left: int, held: bytes, count: int, bytes_max: int) -> tuple[list[bytes], bytes]:
        """The next of the inputs that are left, and the one after them, which did not fit."""
        found, size = list[bytes](), 0
        while line := held or self._file.readline():
            held = b""
            is_full = len(found) >= count or size + len(line) > bytes_max
            if is_full and len(found) >= TOGETHER_MIN and left - len(found) >= TOGETHER_MIN:
                return found, line
            found.append(line[:-1])
            size += len(line)
        return found, b""


async def read_whole(stream: AsyncIterable[bytes], bytes_max: int) -> bytes:
    """A body that is to be in memory at once.

    Raises:
        TooLarge: it has more than ``bytes_max`` bytes.
        MalformedRequest: it ends early.
    """
    body = bytearray()
    async for part in _parts(stream, bytes_max):
        body += part
    return bytes(body)


async def read_lines(stream: AsyncIterable[bytes], line_bytes_max: int) -> AsyncIterator[list[bytes]]:
    """The lines of a body that have something in them, as they come.

    Raises:
        TooLarge: the body or one of its lines is too large.
        MalformedRequest: it ends early.
    """
    rest, before, full = b"", 0, 0  # lines before the one that has begun, and those of them that are inputs
    async for part in _parts(stream, BATCH_BYTES_MAX):
        *lines, rest = (rest + part).split(b"\n")
        inputs = [line for line in lines if line and not line.isspace()]
        before, full = before + len(lines), full + len(inputs)
        yield inputs
        if len(rest) > line_bytes_max:
            message = (
                f"line {before + 1:,} of the body has more than {line_bytes_max:,} bytes, which is the limit; send less"
            )
            raise TooLarge(message, [FieldError(path=f"/inputs/{full}", message=message)])
    if rest and not rest.isspace():
        yield [rest]


async def _parts(stream: AsyncIterable[bytes], bytes_max: int) -> AsyncIterator[bytes]:
    size = 0
    try:
        async for part in stream:
            size += len(part)
            if size > bytes_max:
                message = f"the request body is larger than {bytes_max >> 20} MB, which is the limit; send less"
                raise TooLarge(message, [FieldError(path="", message=message)])
            yield part
    except InternalServerException as error:  # as Litestar says that the client has gone
        raise MalformedRequest("the body ended early") from error
