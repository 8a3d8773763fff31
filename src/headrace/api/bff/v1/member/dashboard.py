"""What somebody sees first: whether their work gets done, and whether anything needs them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from litestar import Response, get

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller, principal_of
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.attention import find_attention
from headrace.api.bff.attention_facts import Gathered, gather, times_of, to_facts
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.figures import HOUR, ReadOnce, first_minute
from headrace.api.bff.kinds import catalog_entries, title_of_kind
from headrace.api.bff.parts import Part, Reading
from headrace.api.bff.rows import batch_rows, task_rows
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AnyRequest, AtLeast
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import ApiState, state_of
from headrace.contracts.kinds import CatalogEntry
from headrace.contracts.screens.dashboard import DashboardKind, DashboardV1, NextFiring, Today
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.rows import BatchRow, TaskRow
from headrace.log import clock
from headrace.store.attention import Firing, list_firings
from headrace.store.batches import list_open_first
from headrace.store.snapshot import Reads
from headrace.store.tasks import list_running

RUNNING_MAX = 8
ATTENTION_MAX = 5
BATCHES_MAX = 5
NEXT_MAX = 5
TODAY = timedelta(days=1)


@get(
    "/member/dashboard",
    operation_id="show_dashboard",
    opt=access("tasks:read") | belongs_to(Mount.MEMBER),
    operation_class=OfOwner,
    summary="Whether work gets done, and what needs attention",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_dashboard(request: AnyRequest, at_least: AtLeast = None) -> Response[DashboardV1]:
    """Everything is of the caller's tasks alone. What somebody has to do comes first, and each entry says which tasks it is about."""
    api, owner, now = state_of(request), caller(request), clock.now()
    once = ReadOnce(owner, times_of(now, first_minute(now) - TODAY + HOUR))
    counts = Reading("counts", once.counts)
    today = Reading("today", partial(_today, once))
    throughput = Reading("throughput", once.series)
    running = Reading("running", partial(_running, once))
    facts = Reading("attention", partial(_gather, api, once, now))
    batches = Reading("batches", partial(_batches, owner))
    firings = Reading("next", partial(_firings, api, owner, now))
    kinds = Part("kinds", partial(catalog_entries, api))
    of_other = owner if owner != principal_of(request).id else None

    def build(composed: Composed) -> DashboardV1:
        gathered, known, schedules = composed.value(facts), composed.value(kinds), composed.value(firings)
        attention = None
        if gathered is not None:
            found = to_facts(gathered, known or (), schedules or (), owner=of_other, now=now)
            attention = find_attention(found, ATTENTION_MAX)
        return DashboardV1(
            **composed.envelope,
            counts=composed.value(counts),
            today=composed.value(today),
            throughput=composed.value(throughput),
            running=composed.value(running),
            attention=attention,
            batches=composed.value(batches),
            next=None if schedules is None else _next(schedules),
            kinds=None if known is None else [_kind(each) for each in known],
        )

    source = FromReadModel(api, counts, today, throughput, running, facts, batches, firings, at_least=at_least)
    return await api.screens.show_for_a_second(request, DashboardV1, build, source, kinds, at_least=at_least)


async def _today(once: ReadOnce, session: Reads) -> Today:
    total = (await once.figures(session)).total
    return Today(
        succeeded=total.succeeded, failed=total.failed, median_seconds=total.run.p50, p95_seconds=total.run.p95
    )


async def _gather(api: ApiState, once: ReadOnce, now: datetime, session: Reads) -> Gathered:
    return await gather(session, once.owner, await once.figures(session), once.times, api.pauses.last_known, now)


async def _running(once: ReadOnce, session: Reads) -> list[TaskRow]:
    # The counts are of the same snapshot, so nothing is looked for that is not there.
    if not (await once.counts(session)).running:
        return []
    return await task_rows(session, await list_running(session, once.owner, RUNNING_MAX), show_owners=False)


async def _batches(owner: str, session: Reads) -> list[BatchRow]:
    return await batch_rows(session, await list_open_first(session, owner, BATCHES_MAX), show_owners=False)


async def _firings(api: ApiState, owner: str, now: datetime, session: Reads) -> list[Firing]:
    """Read the firings of schedules. Those of a kind that administrators have disabled submit nothing."""
    return [
        each if api.current.is_enabled(each.kind) else each._replace(next_at=None, missed_at=each.since)
        for each in await list_firings(session, owner, now)
    ]


def _next(firings: Sequence[Firing]) -> list[NextFiring]:
    coming = [(each.next_at, each) for each in firings if each.next_at is not None]
    coming.sort(key=lambda each: each[0])
    return [
        NextFiring(schedule=Ref(id=each.id, name=each.name), kind=each.kind, at=at) for at, each in coming[:NEXT_MAX]
    ]


def _kind(entry: CatalogEntry) -> DashboardKind:
    return DashboardKind(
        name=entry.name, title=title_of_kind(entry.name), has_workers=entry.has_workers, paused=entry.paused
    )
