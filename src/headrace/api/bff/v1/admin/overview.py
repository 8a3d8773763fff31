"""What administrators see first: whether the installation is healthy, whether anybody waits, and whether they are needed."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import NamedTuple

from litestar import Response, get

from headrace.api.auth.access import access
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.attention import find_attention
from headrace.api.bff.attention_facts import Gathered, gather, times_of, to_facts
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.figures import ReadOnce, first_minute
from headrace.api.bff.installation import Installation, health_of
from headrace.api.bff.kinds import catalog_entries
from headrace.api.bff.parts import Part, Reading
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtLeast
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import ApiState, state_of
from headrace.contracts.filters import ANY_OWNER
from headrace.contracts.kinds import CatalogEntry
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.overview import BusyOwner, Latency, OverviewV1
from headrace.contracts.screens.rows import Attention
from headrace.log import clock
from headrace.store.counts import list_busiest
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY
from headrace.store.users import count_pending, find_names

ATTENTION_MAX = 10
BUSIEST_MAX = 5


class Looked(NamedTuple):
    """What NATS and the processes said, and the kinds of the catalog."""

    installation: Installation
    kinds: list[CatalogEntry]


@get(
    "/admin/overview",
    operation_id="show_overview",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    summary="Whether the installation is healthy, and what needs attention",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_overview(request: AnyRequest, at_least: AtLeast = None) -> Response[OverviewV1]:
    """Counts and figures are of the tasks of all accounts. What NATS says is asked at most once a second."""
    api, now = state_of(request), clock.now()
    health = Part("health", partial(_look, api, now))
    once = ReadOnce(EVERYBODY, times_of(now, first_minute(now)))
    counts = Reading("counts", once.counts)
    throughput = Reading("throughput", once.series)
    latency = Reading("latency", partial(_latency, once))
    facts = Reading("attention", partial(_gather, api, once, now))
    busiest = Reading("busiest", _busiest)
    pending_users = Reading("pending_users", count_pending)

    def build(composed: Composed) -> OverviewV1:
        looked = composed.value(health)
        attention = _attention(composed.value(facts), looked, now)
        is_away = any(each.part in (health.name, counts.name) for each in composed.stale)
        return OverviewV1(
            **composed.envelope,
            health=None if looked is None else health_of(looked.installation, attention or (), is_away=is_away),
            counts=composed.value(counts),
            throughput=composed.value(throughput),
            latency=composed.value(latency),
            attention=attention,
            busiest=composed.value(busiest),
            pending_users=composed.value(pending_users),
        )

    # Accounts stand in the same database.
    readings = FromReadModel(api, counts, throughput, latency, facts, busiest, pending_users, at_least=at_least)
    return await api.screens.show(request, OverviewV1, build, readings, health)


async def _look(api: ApiState, now: datetime) -> Looked:
    """Ask NATS and the catalog."""
    measured = await api.gauges.measure()
    processes = api.processes
    installation = Installation.of(measured, processes.list_present(), now, is_complete=processes.is_complete)
    return Looked(installation, await catalog_entries(api))


def _attention(gathered: Gathered | None, looked: Looked | None, now: datetime) -> list[Attention] | None:
    if gathered is None:
        return None
    facts = to_facts(gathered, looked.kinds if looked else (), (), owner=ANY_OWNER, now=now)
    if looked is not None:
        facts = facts._replace(log=looked.installation.room, behind=looked.installation.lag)
    return find_attention(facts, ATTENTION_MAX)


async def _gather(api: ApiState, once: ReadOnce, now: datetime, session: Reads) -> Gathered:
    return await gather(session, EVERYBODY, await once.figures(session), once.times, api.pauses.last_known, now)


async def _latency(once: ReadOnce, session: Reads) -> Latency:
    total = (await once.figures(session)).total
    return Latency(
        start_p50=_milliseconds(total.wait.p50),
        start_p99=_milliseconds(total.wait.p99),
        run_p50=_milliseconds(total.run.p50),
        run_p99=_milliseconds(total.run.p99),
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 1)


async def _busiest(session: Reads) -> list[BusyOwner]:
    found = await list_busiest(session, BUSIEST_MAX)
    names = await find_names(session, {each.owner for each in found})
    return [
        BusyOwner(owner=Ref(id=each.owner, name=names.get(each.owner)), running=each.running, queued=each.queued)
        for each in found
    ]
