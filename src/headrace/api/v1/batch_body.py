"""Reading the body of a batch: as a whole, or line by line as it arrives."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator

from headrace.api.edge.upload_room import UploadRoom
from headrace.contracts.batches import BATCH_BYTES_MAX, LineForm
from headrace.contracts.problems import FieldError
from headrace.errors import TooLarge


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
    stream: AsyncIterable[bytes], room: UploadRoom, line_bytes_max: int, form: LineForm = LineForm.INPUTS
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
                raise _too_long(lines_before, f"/{form}/{inputs_before}", line_bytes_max)
            room.take(len(rest) - kept)
            kept = len(rest)
        if rest and not rest.isspace():
            yield [bytes(rest)]
    finally:
        room.give_back(kept)


def _too_long(lines_before: int, path: str, bytes_max: int) -> TooLarge:
    message = f"line {lines_before + 1:,} of the body has more than {bytes_max:,} bytes, which is the limit; send less"
    return TooLarge(message, [FieldError(path=path, message=message)])


async def _parts(stream: AsyncIterable[bytes], bytes_max: int) -> AsyncIterator[bytes]:
    size = 0
    async for part in stream:
        size += len(part)
        if size > bytes_max:
            message = f"the request body is larger than {bytes_max >> 20} MB, which is the limit; send less"
            raise TooLarge(message, [FieldError(path="", message=message)])
        yield part
