"""How to write a task kind: one file in `consumers/`, one Struct in, one value out, one decorated function.

    class WordCount(msgspec.Struct, frozen=True):
        text: str

    class Counts(msgspec.Struct, frozen=True):
        words: int

    @task(timeout=30)
    async def word_count(input: WordCount, context: Context) -> Counts:
        await context.progress(0.5, "counting")
        return Counts(words=len(input.text.split()))

An ``async`` handler runs on the worker's event loop and must not block it. A plain function runs in a thread and takes a
`SyncContext`; with ``process=True`` it runs in a process, so that code that computes for long, crashes or takes much memory
does not hurt the worker. A handler may run more than once for one task (a worker can die after the work and before it is
recorded), so what it does outside should be idempotent; ``context.task_id`` is the key to make it so. Its outcome counts once.

A field of the input that is a `Title` is what a task is called in lists: ``heading: Title``. Without such a field it is called by
the first text among its fields.

A field of the input that is a `File` is a file of whoever submits the task: ``photo: File``, or of some media types only
``photo: Annotated[File, accepts("image/*")]``. ``context.open(input.photo)`` reads it, ``context.save(name, source, media_type)``
saves one beside the task.

A field ``results`` that is `Results` makes a kind one about a whole batch: ``async for each in read_results(await
context.open(input.results))`` gives what became of each of its tasks; in a plain function it is `read_results_blocking`.

What `@task` can be told (retries, limits, a process) is described in `headrace.sdk.options.KindOptions`.

A decorated handler can still be called like the function it is, which is how to test one without any server; see
`headrace.testing`.
"""

from __future__ import annotations

from headrace.contracts.batch_results import BatchResult, ResultFile
from headrace.contracts.files import FileRecord
from headrace.contracts.task_ref import TaskRef
from headrace.sdk.batch_results import Results, read_results, read_results_blocking
from headrace.sdk.context import Context, SyncContext
from headrace.sdk.files import (
    File,
    FileError,
    FileMissing,
    FileStoreUnavailable,
    FileTooLarge,
    NoFileStore,
    OpenFile,
    SyncOpenFile,
    accepts,
)
from headrace.sdk.kind import Kind, KindError, task
from headrace.sdk.load import load_kinds
from headrace.sdk.retries import Backoff, Retry
from headrace.sdk.titles import Title

__all__ = [
    "Backoff",
    "BatchResult",
    "Context",
    "File",
    "FileError",
    "FileMissing",
    "FileRecord",
    "FileStoreUnavailable",
    "FileTooLarge",
    "Kind",
    "KindError",
    "NoFileStore",
    "OpenFile",
    "ResultFile",
    "Results",
    "Retry",
    "SyncContext",
    "SyncOpenFile",
    "TaskRef",
    "Title",
    "accepts",
    "load_kinds",
    "read_results",
    "read_results_blocking",
    "task",
]
