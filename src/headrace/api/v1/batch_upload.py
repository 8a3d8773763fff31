"""Reading the inputs of a batch: each input is validated as it arrives, and kept on the disk until all inputs are valid.

A batch may have a hundred thousand inputs. They are not in memory at once, and other requests have their turn while they are
validated.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from types import TracebackType
from typing import Any, Self

import msgspec

from headrace.api.edge.upload_room import UploadRoom
from headrace.catalog import Catalog
from headrace.contracts.batches import BATCH_BYTES_MAX, INPUTS_MAX
from headrace.contracts.problems import FieldError
from headrace.contracts.refused_values import explain
from headrace.errors import InvalidInput, TooLarge, TooManyUploads
from headrace.inputs import ERRORS_MAX
from headrace.telemetry import get_logger

SLICE_SECONDS = 0.003  # of validating, before other requests have their turn
MEMORY_BYTES = 1 << 20  # of a batch; what is more is on the disk
CHUNK_INPUTS_MIN = 2  # a chunk is appended under two conditions, and a message has room for one

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode
_decoder = msgspec.json.Decoder(dict[str, Any])


class BatchUpload:
    """The inputs of one batch. It is a context manager, which removes them from the disk at its end.

    Args:
        catalog: The catalog, which has the schema of the kind.
        room: The room for the inputs of all batches that are being uploaded.
        kind: The kind of all inputs.
        input_bytes_max: The size that one input may have in the log.

    Attributes:
        total: The number of inputs.
        size: The bytes of all inputs.

    Raises:
        UnknownKind: no worker ever announced the kind.
    """

    def __init__(self, catalog: Catalog, room: UploadRoom, kind: str, input_bytes_max: int) -> None:
        # An unknown kind is refused before the body is read.
        catalog.describe(kind)
        self.total = 0
        self.size = 0
        self._catalog = catalog
        self._room = room
        self._kind = kind
        self._input_bytes_max = input_bytes_max
        self._errors: list[FieldError] = []
        self._invalid_inputs = 0
        self._hash = hashlib.sha256()
        self._unwritten = bytearray()
        self._slice_began = time.perf_counter()
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - __exit__ closes it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._room.give_back(self.size)
        self._file.close()

    async def add(self, inputs: Iterable[bytes | msgspec.Raw]) -> None:
        """Validate further inputs, each a JSON object, and keep them.

        Raises:
            InvalidInput: so many inputs are wrong that the rest is not read.
            TooLarge: there are too many inputs, or one of them is too large.
            TooManyUploads: there is no room for the inputs.
        """
        for each in inputs:
            if self.total == INPUTS_MAX:
                message = f"a batch has at most {INPUTS_MAX:,} inputs; send the others as another batch"
                raise TooLarge(message, [FieldError(path="/inputs", message=message)])
            self._add_input(each)
            if len(self._unwritten) >= MEMORY_BYTES:
                await self._write()
            if time.perf_counter() - self._slice_began > SLICE_SECONDS:
                await asyncio.sleep(0)
                self._slice_began = time.perf_counter()

    async def complete(self) -> None:
        """Accept the inputs after the last one was added.

        Raises:
            InvalidInput: there is no input, or an input is wrong. The error names the first wrong paths.
            TooManyUploads: there is no room for the inputs.
        """
        if self._errors:
            raise self._refusal()
        if not self.total:
            message = "a batch has at least one input"
            raise InvalidInput(message, [FieldError(path="/inputs", message=message)])
        await self._write()

    def body_hash(self, terms: object) -> str:
        """Return a hash of the inputs and of the other terms of the batch, to recognise it when it is sent again.

        The hash does not depend on the media type, on white space, or on the order of fields.
        """
        whole = self._hash.copy()
        whole.update(_encode(terms))
        return whole.hexdigest()[:32]

    async def chunks(self, count: int, bytes_max: int) -> AsyncIterator[list[bytes]]:
        """Yield all inputs in order, in chunks of up to ``count`` inputs and ``bytes_max`` bytes.

        A chunk has at least two inputs, whatever their size, unless the batch has only one. So the last chunk may have one
        input more than ``count``.
        """
        await asyncio.to_thread(self._file.seek, 0)
        left, held = self.total, b""
        while left:
            chunk, held = await asyncio.to_thread(self._read, left, held, count, bytes_max)
            left -= len(chunk)
            yield chunk

    def _add_input(self, given: bytes | msgspec.Raw) -> None:
        path = f"/inputs/{self.total}"
        self.total += 1
        try:
            value = _decoder.decode(given)
            encoded = _encode(value)
        except RecursionError:
            self._add_errors([FieldError(path=path, message="nested too deep to be read")])
            return
        except (msgspec.MsgspecError, ValueError, OverflowError) as error:
            wrong = explain(str(error))
            self._add_errors([FieldError(path=path + wrong.path, message=wrong.message)])
            return
        if errors := self._catalog.find_errors(self._kind, value, encoded, path):
            self._add_errors(errors)
        elif len(encoded) > self._input_bytes_max:
            message = f"an input has at most {self._input_bytes_max:,} bytes, this one has {len(encoded):,}; send less"
            raise TooLarge(f"{path}: {message}", [FieldError(path=path, message=message)])
        elif not self._errors:
            self._room.take(len(encoded))
            self.size += len(encoded)
            self._hash.update(_encode_sorted(value))
            self._hash.update(b"\n")
            self._unwritten += encoded
            self._unwritten += b"\n"

    def _add_errors(self, errors: list[FieldError]) -> None:
        self._invalid_inputs += 1
        self._errors += errors
        if len(self._errors) >= ERRORS_MAX:
            raise self._refusal()

    def _refusal(self) -> InvalidInput:
        what = "an input" if self._invalid_inputs == 1 else f"{self._invalid_inputs} inputs"
        message = f"{what} of kind {self._kind!r} cannot be accepted, see errors; so nothing was"
        return InvalidInput(message, self._errors[:ERRORS_MAX])

    async def _write(self) -> None:
        unwritten, self._unwritten = self._unwritten, bytearray()
        try:
            await asyncio.to_thread(self._file.write, unwritten)
        except OSError as error:
            log.error(
                "the inputs of a batch cannot be kept on the disk", directory=tempfile.gettempdir(), error=str(error)
            )
            raise TooManyUploads("the API has no room on its disk for the inputs; try again later") from error

    def _read(self, left: int, held: bytes, count: int, bytes_max: int) -> tuple[list[bytes], bytes]:
        """Read the next chunk, and the input behind it, which did not fit any more.

        Args:
            left: How many inputs are left to be yielded, ``held`` included.
            held: The input that did not fit the previous chunk; empty for none.
            count: The most inputs of a chunk.
            bytes_max: The most bytes of a chunk.
        """
        found, size = list[bytes](), 0
        while line := held or self._file.readline():
            held = b""
            is_full = len(found) >= count or size + len(line) > bytes_max
            if is_full and len(found) >= CHUNK_INPUTS_MIN and left - len(found) >= CHUNK_INPUTS_MIN:
                return found, line
            found.append(line[:-1])
            size += len(line)
        return found, b""


async def read_whole(stream: AsyncIterable[bytes], bytes_max: int) -> bytes:
    """Read a whole body into memory.

    Raises:
        TooLarge: the body has more than ``bytes_max`` bytes.
    """
    body = bytearray()
    async for part in _parts(stream, bytes_max):
        body += part
    return bytes(body)


async def read_lines(
    stream: AsyncIterable[bytes], room: UploadRoom, line_bytes_max: int
) -> AsyncGenerator[list[bytes]]:
    """Yield the lines of a body as they arrive, without blank lines.

    Raises:
        TooLarge: the body or one of its lines is too large.
        TooManyUploads: there is no room for a line that is not complete.
    """
    # The line that is not complete yet; how many lines stand before it, and how many of these are inputs.
    rest, kept, lines_before, inputs_before = bytearray(), 0, 0, 0
    try:
        async for part in _parts(stream, BATCH_BYTES_MAX):
            rest += part
            lines = list[bytearray]()
            # A line may come in a million parts, so the whole of it is not copied for each.
            if b"\n" in part:
                *lines, rest = rest.split(b"\n")
            inputs = [bytes(line) for line in lines if line and not line.isspace()]
            lines_before, inputs_before = lines_before + len(lines), inputs_before + len(inputs)
            yield inputs
            if len(rest) > line_bytes_max:
                raise _too_long(lines_before, inputs_before, line_bytes_max)
            room.take(len(rest) - kept)
            kept = len(rest)
        if rest and not rest.isspace():
            yield [bytes(rest)]
    finally:
        room.give_back(kept)


def _too_long(lines_before: int, inputs_before: int, bytes_max: int) -> TooLarge:
    message = f"line {lines_before + 1:,} of the body has more than {bytes_max:,} bytes, which is the limit; send less"
    return TooLarge(message, [FieldError(path=f"/inputs/{inputs_before}", message=message)])


async def _parts(stream: AsyncIterable[bytes], bytes_max: int) -> AsyncIterator[bytes]:
    size = 0
    async for part in stream:
        size += len(part)
        if size > bytes_max:
            message = f"the request body is larger than {bytes_max >> 20} MB, which is the limit; send less"
            raise TooLarge(message, [FieldError(path="", message=message)])
        yield part
