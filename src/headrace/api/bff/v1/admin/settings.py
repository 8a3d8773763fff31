"""The settings that administrators change at run time."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from litestar import Response, get

from headrace.api.auth.access import access
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromIdentity
from headrace.api.bff.parts import Reading
from headrace.api.bff.setting_groups import history_of, setting_groups
from headrace.api.bff.status import status_part
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.mounts import Mount, belongs_to
from headrace.api.settings_watch import read_versions
from headrace.api.state import state_of
from headrace.contracts.screens.settings import SettingGroup, SettingsV1
from headrace.store.snapshot import Reads
from headrace.store.users import find_names

VERSIONS_READ = 50  # to find out who has changed what; who changed it before that is in the audit


class Shown(NamedTuple):
    """The settings of one version."""

    version: int
    groups: list[SettingGroup]


@get(
    "/admin/settings",
    operation_id="show_settings",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    summary="The settings that change at run time, as a form",
    responses=SCREEN_ANSWERS | refusals(),
)
async def show_settings(request: AnyRequest) -> Response[SettingsV1]:
    """Each setting has the JSON Schema of its value. `PUT /api/v1/admin/settings` replaces all of them, with the version as `If-Match`."""
    api = state_of(request)
    groups = Reading("groups", partial(_read))
    status = status_part(api, request)

    def build(composed: Composed) -> SettingsV1:
        shown = composed.value(groups)
        return SettingsV1(
            **composed.envelope,
            version=None if shown is None else shown.version,
            groups=None if shown is None else shown.groups,
            status=composed.value(status),
        )

    return await api.screens.show(request, SettingsV1, build, FromIdentity(api, groups), status)


async def _read(session: Reads) -> Shown:
    versions = await read_versions(session, VERSIONS_READ)
    history = history_of(versions)
    names = await find_names(session, {each.by for each in history.values()})
    return Shown(versions[0].version, setting_groups(versions[0].settings, history, names))
