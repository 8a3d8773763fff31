"""The routes of the catalog: list the kinds, pause one, resume one."""

from __future__ import annotations

from litestar import delete, get, put
from msgspec.structs import replace

from headrace.api.auth.access import access
from headrace.api.auth.audit import audit
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.state import ApiState, state_of
from headrace.contracts.audit import Action
from headrace.contracts.kinds import CatalogEntry, KindList
from headrace.errors import KindNotFound, UnknownKind


@get(
    "/kinds",
    operation_id="list_kinds",
    opt=access("tasks:read"),
    summary="The kinds of task that can be submitted",
    responses=refusals(),
)
async def list_kinds(request: AnyRequest) -> KindList:
    """Each kind comes with the JSON Schemas of its input and its result, its limits, and whether it is paused or disabled.
    A kind without workers is listed, too: its tasks are accepted and wait.
    """
    api = state_of(request)
    return KindList(items=[_shown(api, entry) for entry in api.catalog.entries(await api.pauses.paused_kinds())])


@put(
    "/kinds/{kind:str}/pause",
    operation_id="pause_kind",
    opt=access("admin"),
    summary="Pause a kind",
    responses=refusals(404, 409),
)
async def pause(request: AnyRequest, kind: str) -> CatalogEntry:
    """No worker starts tasks of the kind until it is resumed. New tasks are accepted and wait; tasks that run go on.

    Pausing a paused kind changes nothing.
    """
    return await _set_paused(request, kind, paused=True)


@delete(
    "/kinds/{kind:str}/pause",
    status_code=200,
    operation_id="resume_kind",
    opt=access("admin"),
    summary="Resume a kind",
    responses=refusals(404, 409),
)
async def resume(request: AnyRequest, kind: str) -> CatalogEntry:
    """Workers start tasks of the kind again. Resuming a kind that is not paused changes nothing."""
    return await _set_paused(request, kind, paused=False)


async def _set_paused(request: AnyRequest, kind: str, *, paused: bool) -> CatalogEntry:
    """Pause or resume a kind that the catalog has, and return its entry."""
    api = state_of(request)
    try:
        api.catalog.entry(kind)
    except UnknownKind as error:
        raise KindNotFound(error.message) from error
    await audit(request, Action.KIND_PAUSED if paused else Action.KIND_RESUMED, subject=kind)
    await api.pauses.set_paused(kind, paused=paused)
    return _shown(api, api.catalog.entry(kind, {kind} if paused else ()))


def _shown(api: ApiState, entry: CatalogEntry) -> CatalogEntry:
    """Return an entry that says whether the settings permit the kind."""
    return replace(entry, enabled=api.current.is_enabled(entry.name))
