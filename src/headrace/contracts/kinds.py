"""Task kinds, as their workers announce them and as the catalog shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from headrace.contracts.tasks import KindName


class KindDescription(Struct, frozen=True, kw_only=True):
    """A task kind as its workers announce it."""

    name: KindName
    description: str
    input_schema: Annotated[dict[str, Any], Meta(description="JSON Schema 2020-12.")]
    result_schema: Annotated[dict[str, Any], Meta(description="JSON Schema 2020-12.")]
    timeout: Annotated[float, Meta(gt=0, description="Seconds one attempt may take.")]
    max_attempts: Annotated[int, Meta(ge=1)]
    concurrency: Annotated[
        int | None, Meta(description="How many run at a time, over all workers; null for no limit.")
    ] = None
    rate: Annotated[float | None, Meta(description="How many start a second, over all workers; null for no limit.")] = (
        None
    )
    process: Annotated[bool, Meta(description="Whether each task runs in a process of its own.")] = False


class CatalogEntry(KindDescription, frozen=True, kw_only=True):
    """A kind in the catalog, and whether workers run it."""

    announced_at: Annotated[datetime, Meta(description="When a worker last announced the kind.")]
    has_workers: Annotated[bool, Meta(description="Whether a worker announced the kind within the last two minutes.")]
    paused: Annotated[bool, Meta(description="Whether its queued tasks wait until it is resumed.")] = False


class KindList(Struct, frozen=True, kw_only=True):
    """Every kind that was ever announced, ordered by name. A kind without workers still accepts tasks."""

    items: list[CatalogEntry]
