"""The results of batches: sent to clients as NDJSON, and written to a file for a task that is about them.

A worker has no database. So a kind that makes something of a whole batch has a field `results`, which is a file, and whoever submits such a
task names the batch: the API writes the file, and puts its id into the input.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager, suppress

import msgspec
import uuid_utils
from msgspec import Raw
from msgspec.structs import replace

from headrace.api.files.uploads import remove_upload, upload_at_once
from headrace.api.read_model import ReadModel
from headrace.api.state import ApiState
from headrace.batch_errors import BatchNotSettled
from headrace.contracts.batch_results import RESULTS_FIELD, RESULTS_MEDIA_TYPE, BatchResult
from headrace.contracts.batches import Batch, BatchState
from headrace.contracts.files import NewFile
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import Submission
from headrace.contracts.titles import short_id
from headrace.errors import HeadraceError, InvalidInput, LogUnavailable
from headrace.file_errors import FileNotFound
from headrace.identity_errors import IdentityUnavailable
from headrace.store.batch_results import read_results

# Tasks that are read at a time; with the largest results that a row has the first take 1 MB.
PAGE_TASKS_MIN = 4
PAGE_TASKS_MAX = 64
# Bytes of results that are read at a time, about; each client that reads slowly has such a page in memory.
PAGE_BYTES = 1 << 20
# Bytes of lines that are sent together; the server holds several pieces for a client that does not read.
PIECE_BYTES = 64 << 10

_encode = msgspec.json.Encoder().encode
_NO_PART_OF_A_NAME = str.maketrans("/\\", "__")


async def stream_results(read_model: ReadModel, batch: Batch) -> AsyncGenerator[bytes]:
    """Give what became of each task of a batch as NDJSON, in the order of their inputs. Tasks that were deleted are left out.

    Raises:
        ReadModelUnavailable: Postgres cannot be reached.
    """
    first, count = 0, PAGE_TASKS_MIN
    while first < batch.total:
        async with read_model.session() as session:
            found = await read_results(session, batch.owner, batch.id, first, min(count, batch.total - first))
        first, size = first + count, 0
        for piece in _pieces_of(found):
            size += len(piece)
            yield piece
        count = min(max(_as_many_as_fit(count, size), PAGE_TASKS_MIN), 2 * count, PAGE_TASKS_MAX)


def results_name(batch: Batch) -> str:
    """Return the name of a file that has the results of a batch."""
    return f"{(batch.name or batch.kind).translate(_NO_PART_OF_A_NAME)} {short_id(batch.id)}.ndjson"


@asynccontextmanager
async def with_results(api: ApiState, batch: Batch, submission: Submission) -> AsyncGenerator[Submission]:
    """Write the results of a batch to a file, for the block that submits a task about them. A block that is refused leaves no file.

    Args:
        api: Where the tasks of the batch are read, and where files are kept.
        batch: The batch, whose owner submits.
        submission: What is submitted, without the file in its input.

    Yields:
        The submission with the file in its input.

    Raises:
        BatchNotSettled: Tasks of the batch are not final.
        InvalidInput: The kind does not take results, or does not take the rest of the input.
        FilesOff: There is no store.
        FileTooLarge: There are more results than a file may have.
        QuotaExceeded: The files of the owner would take more than they may.
        ReadModelUnavailable: Postgres cannot be reached.
        ObjectsUnavailable: The store does not take them.
    """
    if batch.state != BatchState.SETTLED:
        raise BatchNotSettled(
            f"{batch.counts.open:,} tasks of batch {batch.id!r} are not final; wait for it with GET /api/v1/batches/{batch.id}?wait=60"
        )
    file = str(uuid_utils.uuid7())
    whole = _with_file(api, submission, file)
    new = NewFile(name=results_name(batch), size=0, media_type=RESULTS_MEDIA_TYPE)
    async with aclosing(stream_results(api.read_model, batch)) as results:
        await upload_at_once(api.files, batch.owner, new, results, is_size_known=False, file=file)
    try:
        yield whole
    except LogUnavailable:
        # The log may have the task, which needs its file.
        raise
    except HeadraceError:
        with suppress(FileNotFound, IdentityUnavailable):
            await remove_upload(api.files, batch.owner, file)
        raise


def _with_file(api: ApiState, submission: Submission, file: str) -> Submission:
    """Return a submission with a file of results in its input, once the kind takes it.

    Raises:
        InvalidInput: It does not.
        UnknownKind: No worker ever announced the kind.
    """
    fields = api.catalog.file_fields(submission.kind)
    if fields is None or RESULTS_FIELD not in fields.at_top:
        raise _invalid(
            "/results_of",
            f"the kind {submission.kind!r} is not about results: it has no field {RESULTS_FIELD!r} that is a file",
        )
    if RESULTS_FIELD in submission.input:
        raise _invalid(f"/input/{RESULTS_FIELD}", "say either results or results_of, not both")
    whole = replace(submission, input={**submission.input, RESULTS_FIELD: file})
    api.catalog.validate(whole.kind, whole.input, Raw(_encode(whole.input)))
    return whole


def _pieces_of(results: list[BatchResult]) -> Iterator[bytes]:
    """Yield lines, many together when they are short."""
    gathered = bytearray()
    for each in results:
        gathered += _encode(_on_one_line(each)) + b"\n"
        if len(gathered) >= PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _as_many_as_fit(count: int, size: int) -> int:
    """Return how many tasks a page has room for, when so many had lines of ``size`` bytes together."""
    return count * PAGE_BYTES // max(size, 1)


def _on_one_line(result: BatchResult) -> BatchResult:
    """Return a result without line breaks between its parts, as a handler may have written them."""
    written = bytes(result.result)
    return result if b"\n" not in written else replace(result, result=Raw(msgspec.json.format(written, indent=-1)))


def _invalid(path: str, message: str) -> InvalidInput:
    return InvalidInput(message, [FieldError(path=path, message=message)])
