from __future__ import annotations

import msgspec

from headrace.task import Context, task


class Nothing(msgspec.Struct, frozen=True):
    """Do nothing."""

    text: str


@task()
async def noop(input: Nothing, context: Context) -> None:
    """Ends at once."""
