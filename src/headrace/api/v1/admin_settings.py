"""The routes of the settings that change at run time, and of what everybody may know of them."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated

from litestar import Response, get, put
from litestar.params import HeaderParameter
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.auth.access import PUBLIC, access
from headrace.api.auth.accounts import HOW_TO_FIND_IDS
from headrace.api.auth.audit import audit
from headrace.api.auth.principal import principal_of
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.settings_watch import add_version, read_version
from headrace.api.state import state_of
from headrace.catalog import Catalog
from headrace.contracts.audit import Action
from headrace.contracts.problems import FieldError
from headrace.contracts.refused_values import name_known
from headrace.contracts.run_time_settings import Installation, RunTimeSettings, SettingsVersion
from headrace.errors import InvalidInput, LogUnavailable
from headrace.identity_errors import IdentityUnavailable
from headrace.settings_errors import IfMatchMissing, SettingsChanged
from headrace.store.users import find_names

_ETAG = re.compile(r'"(\d{1,9})"')

IfMatch = Annotated[
    str | None,
    HeaderParameter(name="If-Match", max_length=100, description="The ETag of the settings that are to be replaced."),
]


@get(
    "/admin/settings",
    operation_id="get_settings",
    opt=access("admin"),
    summary="The settings that change at run time",
    responses=refusals(),
)
async def get_settings(request: AnyRequest) -> Response[RunTimeSettings]:
    """The ETag names the version. While Postgres is away, the answer has the settings that this process was told."""
    api = state_of(request)
    version = api.current.version
    with suppress(IdentityUnavailable):
        async with api.identity.transaction() as session:
            version = await read_version(session)
    return _answer(version)


@put(
    "/admin/settings",
    operation_id="replace_settings",
    opt=access("admin"),
    summary="Replace the settings that change at run time",
    responses=refusals(400, 412, 422, 428),
)
async def replace_settings(
    request: AnyRequest, data: RunTimeSettings, if_match: IfMatch = None
) -> Response[RunTimeSettings]:
    """All of them are replaced; what is left out has its default. `If-Match` has the ETag of the settings that were read before,
    so that of two who change them at once, one is told. Every process has them within two seconds.
    """
    api, expected = state_of(request), _expected(if_match)
    by = principal_of(request).id
    async with api.identity.transaction() as session:
        before = await read_version(session)
        if before.version != expected:
            raise SettingsChanged(
                f"the settings have version {before.version}, not {expected}; read them again, then change them"
            )
        await _check_new_names(session, api.catalog, before.settings, data)
        made = await add_version(session, expected, by, data)
        changes = _changes(before.settings, data)
        await audit(request, Action.SETTINGS_CHANGED, session=session, version=made.version, changes=changes)
    # It is committed. When NATS is away, the others are told once it is back.
    with suppress(LogUnavailable):
        await api.current.tell(made)
    return _answer(made)


@get(
    "/installation",
    operation_id="get_installation",
    opt=access(PUBLIC),
    summary="What everybody may know of this installation",
    sync_to_thread=False,
)
def get_installation(request: AnyRequest) -> Installation:
    """Whether anybody may ask for an account, and the banner."""
    values = state_of(request).current.values
    return Installation(registration=values.registration, banner=values.banner)


def _expected(if_match: str | None) -> int:
    """Return the version that a client wants to replace.

    Raises:
        IfMatchMissing: It does not say which.
        SettingsChanged: It names something else.
    """
    if if_match is None:
        raise IfMatchMissing("send If-Match with the ETag of the settings as you have read them")
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise SettingsChanged(
            'If-Match is not an ETag of the settings; read them, and send the one that the answer has with its quotes, such as "3"'
        )
    return int(found[1])


async def _check_new_names(
    session: AsyncSession, catalog: Catalog, before: RunTimeSettings, after: RunTimeSettings
) -> None:
    """Check that the kinds and accounts which are named now, and were not before, exist. Those of before may be gone since.

    Raises:
        InvalidInput: There is no such kind or account.
    """
    kinds = [each.name for each in catalog.entries()]
    errors = [
        FieldError(path=f"/disabled_kinds/{place}", message=name_known(f"there is no kind {kind!r}", kind, kinds))
        for place, kind in enumerate(after.disabled_kinds)
        # Before the first worker starts, no kind is known.
        if kinds and kind not in kinds and kind not in before.disabled_kinds
    ]
    errors += [
        FieldError(path=f"/retention/kinds/{kind}", message=name_known(f"there is no kind {kind!r}", kind, kinds))
        for kind in after.retention.kinds
        if kinds and kind not in kinds and kind not in before.retention.kinds
    ]
    accounts = after.own_limits.keys() - before.own_limits.keys()
    unknown = accounts - (await find_names(session, accounts)).keys() if accounts else set[str]()
    errors += [
        FieldError(path=f"/own_limits/{each}", message=f"there is no account {each!r}; {HOW_TO_FIND_IDS}")
        for each in sorted(unknown)
    ]
    if errors:
        raise InvalidInput(f"the settings name what does not exist: {errors[0].message}", errors)


def _changes(before: RunTimeSettings, after: RunTimeSettings) -> dict[str, object]:
    """Return the settings that change, each with what it was and what it is; of own limits those that change."""
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in after.__struct_fields__}
    was, is_ = before.own_limits.items(), after.own_limits.items()
    pairs["own_limits"] = (dict(each for each in was if each not in is_), dict(each for each in is_ if each not in was))
    return {name: {"from": old, "to": new} for name, (old, new) in pairs.items() if old != new}


def _answer(version: SettingsVersion) -> Response[RunTimeSettings]:
    return Response(version.settings, headers={"ETag": f'"{version.version}"'})
