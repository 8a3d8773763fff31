"""Tests of task kinds and of programs that use Headrace, without a server and with one.

A handler is a function, which a test may call with a context that records what the handler says:

    context = RecordingContext()
    result = await word_count(WordCount(text="one two"), context)
    assert result.words == 2
    assert context.progressed == [(0.5, "counting")]

`run_kind` runs a task as a worker does, with the timeout of its kind, its attempts and the JSON of its input and its result:

    ran = await run_kind(word_count, WordCount(text="one two"))
    assert ran.result == Counts(words=2)

Files are in a temporary directory, which goes with the object that has them:

    files = RecordedFiles()
    photo = files.add("cat.jpeg", Path("cat.jpeg"), "image/jpeg")
    ran = await run_kind(thumbnail, Thumbnail(photo=photo), files=files)
    assert files.read("small.jpeg").startswith(JPEG)

The fixture ``headrace_up`` of pytest is a whole Headrace on this machine, see `headrace.pytest_plugin`.
"""

from __future__ import annotations

from headrace.testing.contexts import RecordingContext, RecordingSyncContext
from headrace.testing.files import RecordedFiles
from headrace.testing.run import KindFailed, Ran, run_kind, run_kind_blocking

__all__ = [
    "KindFailed",
    "Ran",
    "RecordedFiles",
    "RecordingContext",
    "RecordingSyncContext",
    "run_kind",
    "run_kind_blocking",
]
