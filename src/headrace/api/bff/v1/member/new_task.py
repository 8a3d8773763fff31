"""What somebody needs to submit a task: what can be run, with what, and how much of it."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Annotated, NamedTuple

import msgspec
from litestar import Response, get
from litestar.params import Parameter, QueryParameter

from headrace.api.auth.access import access
from headrace.api.auth.principal import principal_of
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.kinds import catalog_entries, title_of_kind
from headrace.api.bff.parts import Part, Reading
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtLeast
from headrace.api.large_values import input_limit
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import ApiState, state_of
from headrace.contracts.batches import BATCH_BYTES_MAX, INPUTS_MAX
from headrace.contracts.file_fields import FileFields
from headrace.contracts.filters import Filter
from headrace.contracts.kinds import CatalogEntry
from headrace.contracts.screens.new_task import (
    PREFILL_BYTES_MAX,
    NewTaskKind,
    NewTaskV1,
    RecentTask,
    SelectedKind,
    SubmissionLimits,
    example_of,
)
from headrace.contracts.tasks import DELAY_SECONDS_MAX, ID_PATTERN, KIND_PATTERN, TaskSummary
from headrace.contracts.titles import short_id
from headrace.log import clock
from headrace.store.activity import read_kinds_since
from headrace.store.counts import read_counts
from headrace.store.filters import conditions_of
from headrace.store.snapshot import Reads
from headrace.store.task_orders import Order
from headrace.store.tasks import SubmittedTask, find_submitted, list_tasks

RECENT_MAX = 5
TYPICAL = timedelta(hours=6)  # of which durations are known; a row for each kind and minute is added up


class Experience(NamedTuple):
    """What the read model has to say.

    Attributes:
        recent: The newest tasks of the caller.
        waiting: How many of the caller's tasks are queued, by kind.
        seconds: How long tasks of everybody ran lately, by kind.
        filling: The task whose input fills the form; None for none.
    """

    recent: list[RecentTask]
    waiting: dict[str, int]
    seconds: dict[str, float | None]
    filling: SubmittedTask | None


@get(
    "/member/new",
    operation_id="show_new_task",
    opt=access("tasks:read") | belongs_to(Mount.MEMBER),
    summary="What can be submitted, and with what",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_new_task(
    request: AnyRequest,
    kind: Annotated[str | None, Parameter(pattern=KIND_PATTERN, description="The kind that the form is of.")] = None,
    source: Annotated[
        str | None,
        QueryParameter(name="from", pattern=ID_PATTERN, description="A task of the caller whose input fills the form."),
    ] = None,
    at_least: AtLeast = None,
) -> Response[NewTaskV1]:
    """Without `kind`, the form is of the kind of the task that `from` names. A task of another kind fills no form."""
    api, owner = state_of(request), principal_of(request).id
    kinds = Part("kinds", partial(_entries, api))
    limits = Part("limits", partial(_limits, api, owner))
    # One part, because the form does without all of it.
    recent = Reading("recent", partial(_experience, owner, source))

    def build(composed: Composed) -> NewTaskV1:
        known, experience = composed.value(kinds), composed.value(recent)
        filling = None if experience is None else experience.filling
        wanted = kind or (filling and filling.kind)
        found = next((each for each in known or () if each.name == wanted), None)
        return NewTaskV1(
            **composed.envelope,
            kinds=None if known is None else [_kind(each, experience) for each in known],
            selected=None if found is None else _selected(found, filling),
            recent=None if experience is None else experience.recent,
            limits=composed.value(limits),
        )

    read_model = FromReadModel(api, recent, at_least=at_least)
    return await api.screens.show_for_a_second(request, NewTaskV1, build, read_model, kinds, limits, at_least=at_least)


async def _entries(api: ApiState) -> list[CatalogEntry]:
    entries = await catalog_entries(api)
    return [msgspec.structs.replace(each, enabled=api.current.is_enabled(each.name)) for each in entries]


async def _limits(api: ApiState, who: str) -> SubmissionLimits:
    return SubmissionLimits(
        input_bytes=input_limit(api.log, api.files.objects),
        batch_inputs=INPUTS_MAX,
        batch_bytes=BATCH_BYTES_MAX,
        upload_bytes=api.files.bytes_max,
        delay_seconds=DELAY_SECONDS_MAX,
        submissions_left=api.limits.submissions.find(who).remaining,
    )


async def _experience(owner: str, source: str | None, session: Reads) -> Experience:
    recent, _ = await list_tasks(session, conditions_of(owner, Filter()), Order.NEWEST, None, RECENT_MAX)
    counts = await read_counts(session, owner)
    lately = await read_kinds_since(session, clock.now().replace(second=0, microsecond=0) - TYPICAL)
    return Experience(
        recent=[_recent(each) for each in recent],
        waiting={kind: each.queued for kind, each in counts.kinds.items()},
        seconds={kind: each.run.p50 for kind, each in lately.items()},
        filling=None if source is None else await find_submitted(session, owner, source, PREFILL_BYTES_MAX),
    )


def _recent(task: TaskSummary) -> RecentTask:
    return RecentTask(id=task.id, kind=task.kind, title=task.title or short_id(task.id), created_at=task.created_at)


def _kind(entry: CatalogEntry, experience: Experience | None) -> NewTaskKind:
    return NewTaskKind(
        name=entry.name,
        title=title_of_kind(entry.name),
        description=entry.description,
        has_workers=entry.has_workers,
        paused=entry.paused,
        enabled=entry.enabled,
        waiting=None if experience is None else experience.waiting.get(entry.name, 0),
        typical_seconds=None if experience is None else experience.seconds.get(entry.name),
        takes_files=bool(FileFields(entry.input_schema)),
    )


def _selected(entry: CatalogEntry, filling: SubmittedTask | None) -> SelectedKind:
    if filling is not None and filling.kind != entry.name:
        filling = None
    written = None if filling is None else filling.input
    return SelectedKind(
        name=entry.name,
        input_schema=entry.input_schema,
        timeout=entry.timeout,
        max_attempts=entry.max_attempts,
        concurrency=entry.concurrency,
        rate=entry.rate,
        example=example_of(entry),
        prefill=None if written is None else msgspec.Raw(written.encode()),
        labels={} if filling is None else filling.labels,
    )
