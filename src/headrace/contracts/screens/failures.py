"""Failures of all accounts, for administrators: which are alike, how often they come, and one sort of them closely."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.filters import Filter
from headrace.contracts.screens.envelope import Screen
from headrace.contracts.screens.parts import ValuePart
from headrace.contracts.screens.rows import Group, TaskRow

_CURSOR = "Pass as `{}` for the next page; null on the last."


class FailureGroup(Group, frozen=True, kw_only=True):
    """Tasks that failed alike, of how many owners, and when."""

    owners: Annotated[int, Meta(description="How many owners have any of them.")]
    per_hour: Annotated[
        list[int], Meta(description="How many failed in each of the last 24 hours, the current one last.")
    ]


class FailureSample(Struct, frozen=True, kw_only=True):
    """The newest failure of a group."""

    task: Annotated[str, Meta(description="The id of the task.")]
    traceback: str | None
    input: ValuePart


class SelectedFailures(Struct, frozen=True, kw_only=True):
    """One group of failures."""

    filter: Annotated[Filter, Meta(description="Selects these tasks; send it as `select` to run all of them again.")]
    items: Annotated[list[TaskRow], Meta(description="The tasks, those that failed last first.")]
    next_cursor: Annotated[str | None, Meta(description=_CURSOR.format("items_cursor"))]
    sample: Annotated[FailureSample | None, Meta(description="Null when there are none any more.")]


class FailuresV1(Screen, frozen=True, kw_only=True):
    """Failures that are alike, the newest first."""

    total: Annotated[int | None, Meta(description="How many tasks are in all groups that the query asks for.")]
    groups: list[FailureGroup] | None
    next_cursor: Annotated[str | None, Meta(description=_CURSOR.format("cursor"))]
    selected: Annotated[
        SelectedFailures | None, Meta(description="The group that `fingerprint` names; null without one.")
    ]
