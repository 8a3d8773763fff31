"""The list of tasks: which ones a filter selects, and how many."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.batches import Counts
from headrace.contracts.filters import Filter
from headrace.contracts.screens.envelope import Screen
from headrace.contracts.screens.rows import TaskRow


class Matched(Struct, frozen=True, kw_only=True):
    """How many tasks a filter selects."""

    count: Annotated[int, Meta(description="As many, or at least as many.")]
    exact: Annotated[
        bool,
        Meta(
            description="Whether these are all; false when the server stopped counting: at 1,000, or sooner for all owners."
        ),
    ]


class Facets(Struct, frozen=True, kw_only=True):
    """How many tasks there would be in each state, and of each kind, if the filter named another one."""

    state: Annotated[Counts, Meta(description="Of the kinds in the filter.")]
    kind: Annotated[dict[str, int], Meta(description="In the states of the filter.")]


class TasksV1(Screen, frozen=True, kw_only=True):
    """One page of the tasks that a filter selects."""

    filter: Annotated[Filter, Meta(description="As it was understood; send it as `select` to change all of these.")]
    items: list[TaskRow] | None
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
    matched: Matched | None
    facets: Annotated[
        Facets | None, Meta(description="Null when the filter says more than the owner, kinds and states.")
    ]
