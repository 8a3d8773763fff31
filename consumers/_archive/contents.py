"""What an archive has: the files that were named, or the results of a batch and the files of its tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from headrace.task import Context, read_results

RESULTS_NAME = "results.ndjson"
RESULT_NAME = "result.json"
INDEX_DIGITS = 5  # of the largest batch, so that folders are in the order of its inputs


class Content(NamedTuple):
    """A file that goes into the archive.

    Attributes:
        file: Its id.
        folder: The folder that it is in; empty for none.
        name: What it is called there; None for its own name.
    """

    file: str
    folder: str = ""
    name: str | None = None


class Contents(NamedTuple):
    """The files of an archive, and how many there are."""

    total: int
    each: AsyncIterator[Content]


def of_files(files: Iterable[str]) -> Contents:
    """Return the files that were named, in their order."""
    contents = [Content(file) for file in files]

    async def each() -> AsyncIterator[Content]:
        for content in contents:
            yield content

    return Contents(len(contents), each())


async def of_batch(context: Context, results: str) -> Contents:
    """Return the results of a batch, and the files of its tasks, which are in a folder each.

    The results are read twice, once to count, so that no list of all files is in memory.

    Raises:
        FileError: The file of the results is gone, or has something else.
    """
    opened = await context.open(results)
    total = 1
    async for result in read_results(opened):
        total += len(result.files) + (result.result_file is not None)

    async def each() -> AsyncIterator[Content]:
        yield Content(results, name=RESULTS_NAME)
        async for result in read_results(await context.open(results)):
            folder = f"{result.index:0{INDEX_DIGITS}} {result.title}"
            if result.result_file is not None:
                yield Content(result.result_file, folder, RESULT_NAME)
            for file in result.files:
                yield Content(file.id, folder)

    return Contents(total, each())
