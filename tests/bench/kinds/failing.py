from __future__ import annotations

import msgspec

from headrace.task import Backoff, Context, task


class Failing(msgspec.Struct, frozen=True):
    """Fail, and wait."""

    text: str


@task(max_attempts=2, backoff=Backoff(initial=3600, maximum=3600))
async def failing(input: Failing, context: Context) -> None:
    """Fails at once; its other attempt is later than any run of the bench is long."""
    raise RuntimeError(input.text)
