"""Large inputs and results, as a worker reads and writes them: what an event only refers to is in object storage."""

from __future__ import annotations

import asyncio

from msgspec import Raw

from headrace.contracts.large_values import INLINE_BYTES_MAX
from headrace.contracts.tasks import FailureCode
from headrace.sdk.files import FileMissing, FileStoreUnavailable, FileTooLarge
from headrace.worker.attempt_files import AttemptFiles
from headrace.worker.execution import Execution
from headrace.worker.file_store import FileStore
from headrace.worker.outcomes import RESULT_BYTES_MAX, AttemptOutcome, Failed, Succeeded, retry_or_fail, too_large

STORE_SECONDS_MIN = 5.0  # to write a result, also when the handler has taken nearly all of its time


async def fetch_input(execution: Execution, store: FileStore | None) -> AttemptOutcome | None:
    """Read an input that is too large for its event, and compare it with what was submitted; returns the outcome when that fails."""
    value = execution.queued.stored_input
    if value is None:
        return None
    if store is None:
        return Failed(
            FailureCode.INPUT_MISSING,
            "The input is in object storage, which this worker has not; give it the HEADRACE_OBJECTS_URL of the API.",
        )
    try:
        async with asyncio.timeout(execution.kind.options.timeout):
            execution.input = Raw(await store.read_value(execution.subject.owner, value))
    except FileMissing:
        return Failed(FailureCode.INPUT_MISSING, f"The storage of files has lost the input, which was {value.key}.")
    except TimeoutError:
        return _retry(
            execution, FileStoreUnavailable("the storage of files did not answer within the timeout of the task")
        )
    except FileStoreUnavailable as error:
        return _retry(execution, error)
    return None


async def store_result(execution: Execution, files: AttemptFiles, outcome: AttemptOutcome) -> AttemptOutcome:
    """Write a result that is too large for an event to the store, within what the timeout of the attempt has left.

    Returns:
        The outcome with a reference to the result; another one, when the result is too large or cannot be stored.
    """
    if not isinstance(outcome, Succeeded) or (size := len(outcome.result)) <= INLINE_BYTES_MAX:
        return outcome
    if not files.has_store:
        return outcome if size <= RESULT_BYTES_MAX else too_large(size, RESULT_BYTES_MAX)
    left = execution.kind.options.timeout - (execution.run_seconds or 0.0)
    try:
        async with asyncio.timeout(max(left, STORE_SECONDS_MIN)):
            return Succeeded(b"null", await files.keep_result(outcome.result))
    except FileTooLarge as error:
        return Failed(FailureCode.RESULT_TOO_LARGE, f"The task ran, but its result cannot be stored: {error}.")
    except TimeoutError:
        return _retry(execution, FileStoreUnavailable("the storage of files did not take the result in time"))
    except FileStoreUnavailable as error:
        return _retry(execution, error)


def _retry(execution: Execution, error: FileStoreUnavailable) -> AttemptOutcome:
    failed = Failed(FailureCode.RAISED, str(error))
    return retry_or_fail(execution.kind, execution.queued, error, failed)
