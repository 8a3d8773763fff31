"""The list of batches."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from headrace.contracts.screens.envelope import Screen
from headrace.contracts.screens.rows import BatchRow


class BatchesV1(Screen, frozen=True, kw_only=True):
    """One page of batches, the newest first."""

    items: list[BatchRow] | None
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
