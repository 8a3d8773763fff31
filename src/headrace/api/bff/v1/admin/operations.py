"""How the work of each kind goes on, for administrators: which kind is behind, and who works."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from litestar import Response, get

from headrace.api.auth.access import access
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.figures import ends_by_kind, first_minute
from headrace.api.bff.kind_operations import (
    KindGauges,
    LastHourByKind,
    kind_operations,
    kinds_of,
    pause_of,
    reader_entries,
    stream_operations,
)
from headrace.api.bff.parts import Part, Reading
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtLeast
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import ApiState, state_of
from headrace.contracts.screens.operations import OperationsV1, ReaderEntry, StreamOperations
from headrace.log import clock
from headrace.store.activity import read_ends, read_kinds_since
from headrace.store.attention import find_pauses
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY
from headrace.store.users import find_names


@get(
    "/admin/operations",
    operation_id="show_operations",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    summary="How the work of each kind goes on",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_operations(request: AnyRequest, at_least: AtLeast = None) -> Response[OperationsV1]:
    """What waits and runs is asked of NATS, at most once a second; what ended is read from the read model."""
    api, now = state_of(request), clock.now()
    gauges = Part("kinds", partial(_kinds, api))
    readers = Part("readers", partial(_readers, api))
    streams = Part("streams", partial(_streams, api))
    activity = Reading("last_hour", partial(_last_hour, api, now))

    def build(composed: Composed) -> OperationsV1:
        found, ended = composed.value(gauges), composed.value(activity)
        return OperationsV1(
            **composed.envelope,
            kinds=None if found is None else [kind_operations(each, ended) for each in found],
            last_hour=None if ended is None else ended.total,
            readers=composed.value(readers),
            streams=composed.value(streams),
        )

    source = FromReadModel(api, activity, at_least=at_least)
    return await api.screens.show(request, OperationsV1, build, source, gauges, readers, streams)


async def _kinds(api: ApiState) -> list[KindGauges]:
    observed = await api.gauges.observe()
    return kinds_of(observed, api.catalog.entries(), api.processes.list_present())


async def _readers(api: ApiState) -> list[ReaderEntry]:
    return reader_entries(await api.gauges.observe())


async def _streams(api: ApiState) -> StreamOperations:
    return stream_operations(api.processes.list_present())


async def _last_hour(api: ApiState, now: datetime, session: Reads) -> LastHourByKind:
    begin = first_minute(now)
    pauses = await find_pauses(session, [entry.name for entry in api.catalog.entries()])
    # The accounts and the audit stand in the same database.
    names = await find_names(session, {by for _, by in pauses.values() if by is not None})
    return LastHourByKind(
        begin=begin,
        ends=ends_by_kind(await read_ends(session, EVERYBODY, begin)),
        counts=await read_kinds_since(session, begin),
        pauses={kind: pause_of(at, by, names) for kind, (at, by) in pauses.items()},
    )
