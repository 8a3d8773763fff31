"""Kinds with much to say about what went wrong."""

from __future__ import annotations

from headrace.task import Backoff, Context, Retry, task
from tests.kinds.plain import Text, note

WORST = "\ud800" * 20_000  # as in the name of a file that is not Unicode: seven bytes a character in the log


@task(max_attempts=2, backoff=Backoff(initial=0.05, jitter=0))
async def large_error(input: Text, context: Context) -> int:
    """Fail with the longest error that there is, and succeed then."""
    note(context.task_id)
    if context.attempt == 1:
        raise ValueError(WORST)
    return len(input.text)


@task(max_attempts=2)
async def large_error_later(input: Text, context: Context) -> int:
    """The same, by way of a timer."""
    note(context.task_id)
    if context.attempt == 1:
        raise Retry(0.6, WORST)
    return len(input.text)
