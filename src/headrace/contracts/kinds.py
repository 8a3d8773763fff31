"""Task kinds, as their workers announce them and as the catalog shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from headrace.contracts.tasks import NULL, KindName

PYTHON_PATTERN = "x-python-pattern"
"""The keyword of a JSON Schema for a text in which Python's `re` finds a pattern."""


class KindDescription(Struct, frozen=True, kw_only=True):
    """A task kind.

    A schema keeps a pattern in Python's dialect under the keyword `x-python-pattern`, beside `pattern` if ECMA-262 has it too.
    """

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


class AnnouncedKind(KindDescription, frozen=True, kw_only=True):
    """A task kind as its workers announce it in the catalog, with what is of no use to clients.

    ``input_type`` is the type of the input as `headrace.contracts.input_types` describes it. A worker that cannot say it, because
    it is in another language, announces the schema alone.
    """

    input_type: Raw = NULL


class CatalogEntry(KindDescription, frozen=True, kw_only=True):
    """A kind in the catalog, whether it may be submitted, and whether workers run it."""

    announced_at: Annotated[datetime, Meta(description="When a worker last announced the kind.")]
    has_workers: Annotated[bool, Meta(description="Whether a worker announced the kind within the last two minutes.")]
    enabled: Annotated[
        bool, Meta(description="Whether it may be submitted; administrators disable kinds in the settings at run time.")
    ] = True
    paused: Annotated[bool, Meta(description="Whether its queued tasks wait until it is resumed.")] = False


class KindList(Struct, frozen=True, kw_only=True):
    """Every kind that was ever announced, ordered by name. A kind without workers still accepts tasks."""

    items: list[CatalogEntry]
