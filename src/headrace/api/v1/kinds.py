"""The catalog of kinds, and pausing one."""

from __future__ import annotations

from litestar import delete, get, put

from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.state import state_of
from headrace.contracts.kinds import CatalogEntry, KindList
from headrace.errors import KindNotFound, UnknownKind


@get("/kinds", operation_id="list_kinds", summary="The kinds of task that can be submitted", responses=refusals())
async def list_kinds(request: AnyRequest) -> KindList:
    """With the JSON Schemas of their inputs and results, what limits them, and whether they are paused."""
    api = state_of(request)
    return KindList(items=api.catalog.entries(await api.pauses.kinds()))


@put("/kinds/{kind:str}/pause", operation_id="pause_kind", summary="Pause a kind", responses=refusals(404, 409))
async def pause(request: AnyRequest, kind: str) -> CatalogEntry:
    """No more of its tasks are started, by any worker, until it is resumed. They are still accepted; what runs goes on.

    Idempotent.
    """
    return await _set_paused(request, kind, paused=True)


@delete(
    "/kinds/{kind:str}/pause",
    status_code=200,
    operation_id="resume_kind",
    summary="Resume a kind",
    responses=refusals(404, 409),
)
async def resume(request: AnyRequest, kind: str) -> CatalogEntry:
    """Its tasks are started again. Idempotent."""
    return await _set_paused(request, kind, paused=False)


async def _set_paused(request: AnyRequest, kind: str, *, paused: bool) -> CatalogEntry:
    api = state_of(request)
    try:
        api.catalog.entry(kind)
    except UnknownKind as error:
        raise KindNotFound(error.message) from error
    await api.pauses.pause(kind, paused=paused)
    return api.catalog.entry(kind, {kind} if paused else ())
