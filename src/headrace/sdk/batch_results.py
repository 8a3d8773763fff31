"""The results of a batch as a handler reads them. Part of the SDK; import from `headrace.task`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import msgspec

from headrace.contracts.batch_results import RESULTS_MEDIA_TYPE, BatchResult
from headrace.lines import split_lines, split_lines_blocking
from headrace.sdk.files import File, FileError, OpenFile, SyncOpenFile, accepts

Results = Annotated[
    File,
    accepts(RESULTS_MEDIA_TYPE),
    msgspec.Meta(description="The results of a batch, see `results_of` of a submission."),
]
"""A field of an input that is the results of a batch. It has to be called ``results``: whoever submits the task names the batch, as
``results_of``, and the API puts the file there."""

_decode = msgspec.json.Decoder(BatchResult).decode


async def read_results(file: OpenFile) -> AsyncIterator[BatchResult]:
    """Give what became of each task of a batch, in the order of their inputs, while the file is read.

    Args:
        file: The file of a field `Results`.

    Raises:
        FileError: The file has a line that is no result of a task.
    """
    number = 0
    try:
        async for line in split_lines(file):
            number += 1
            if line:
                yield _read(line, number)
    except ValueError as error:
        raise _wrong(number + 1, error) from error


def read_results_blocking(file: SyncOpenFile) -> Iterator[BatchResult]:
    """Give what became of each task of a batch, as `read_results` does, in a plain function.

    Args:
        file: The file of a field `Results`.

    Raises:
        FileError: The file has a line that is no result of a task.
    """
    number = 0
    try:
        for line in split_lines_blocking(file):
            number += 1
            if line:
                yield _read(line, number)
    except ValueError as error:
        raise _wrong(number + 1, error) from error


def _read(line: bytes, number: int) -> BatchResult:
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _wrong(number, error) from error


def _wrong(number: int, error: Exception) -> FileError:
    return FileError(f"line {number:,} of the file is not the result of a task: {error}")
