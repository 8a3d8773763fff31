"""The account of whoever is signed in."""

from __future__ import annotations

from functools import partial
from typing import Any

from litestar import Response, get

from headrace.api.auth.access import SIGNED_IN, access
from headrace.api.auth.principal import principal_of
from headrace.api.auth.session_tokens import session_of
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromIdentity
from headrace.api.bff.parts import Reading
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import ApiState, state_of
from headrace.contracts.identity import Role
from headrace.contracts.preferences import Preferences
from headrace.contracts.screens.account import (
    AccountKey,
    AccountSession,
    AccountUser,
    AccountV1,
    StorageUsage,
    StreamUsage,
    SubmissionUsage,
    Usage,
)
from headrace.identity_errors import UserNotFound
from headrace.log import clock
from headrace.store.api_keys import list_valid_keys
from headrace.store.files import FileUsage, read_usage
from headrace.store.sessions import list_live_sessions
from headrace.store.snapshot import Reads
from headrace.store.users import find_user, to_preferences

KEYS_MAX = 100  # on the screen; the others are in GET /api/v1/api-keys


@get(
    "/member/account",
    operation_id="show_account",
    opt=access(SIGNED_IN) | belongs_to(Mount.MEMBER),
    summary="The account of whoever is signed in",
    responses=SCREEN_ANSWERS | refusals(404),
)
async def show_account(request: AnyRequest) -> Response[AccountV1]:
    """The account, its sessions and keys, and what it uses of its limits. It is not followed live: read it again after a change."""
    api, principal = state_of(request), principal_of(request)
    user = Reading("user", partial(_user, principal.id))
    sessions = Reading("sessions", partial(_sessions, principal.id, session_of(principal) or ""))
    keys = Reading("keys", partial(_keys, principal.id))
    preferences = Reading("preferences", partial(_preferences, principal.id))
    usage = Reading("usage", partial(_usage, api, principal.id))

    def build(composed: Composed) -> AccountV1:
        return AccountV1(
            **composed.envelope,
            user=composed.value(user),
            sessions=composed.value(sessions),
            keys=composed.value(keys),
            usage=composed.value(usage),
            preferences=composed.value(preferences) or Preferences(),
        )

    source = FromIdentity(api, user, preferences, sessions, keys, usage)
    return await api.screens.show(request, AccountV1, build, source)


async def _user(id_: str, session: Reads) -> AccountUser:
    row = await find_user(session, id_)
    if row is None:
        raise UserNotFound("this account was deleted")
    return AccountUser(
        id=row.id,
        email=row.email,
        display_name=row.display_name,
        role=Role(row.role),
        created_at=row.created_at,
        approved_at=row.decided_at,
    )


async def _preferences(id_: str, session: Reads) -> Preferences:
    row = await find_user(session, id_)
    return Preferences() if row is None else to_preferences(row)


async def _sessions(owner: str, current: str, session: Reads) -> list[AccountSession]:
    found = await list_live_sessions(session, owner, clock.now(), current)
    return [AccountSession(**_same_fields(each, AccountSession)) for each in found]


async def _keys(owner: str, session: Reads) -> list[AccountKey]:
    found = await list_valid_keys(session, owner, clock.now(), KEYS_MAX)
    return [
        AccountKey(
            id=each.id,
            name=each.name,
            prefix=each.start,
            scopes=each.scopes,
            created_at=each.created_at,
            expires_at=each.expires_at,
            used_at=each.used_at,
        )
        for each in found
    ]


async def _usage(api: ApiState, owner: str, session: Reads) -> Usage:
    allowance = api.limits.submissions.find(owner)
    places = api.streams.places
    return Usage(
        submissions=SubmissionUsage(
            limit=allowance.policy.limit,
            used=allowance.policy.limit - allowance.remaining,
            window_seconds=allowance.policy.window,
        ),
        storage=await _storage(api, owner, session),
        streams=StreamUsage(limit=api.limits.streams_of(owner), open=places.open_of(owner)),
    )


async def _storage(api: ApiState, owner: str, session: Reads) -> StorageUsage | None:
    if not api.files.are_kept:
        return None
    used = (await read_usage(session, [owner])).get(owner, FileUsage())
    return StorageUsage(limit_bytes=api.files.settings.owner_bytes_max, used_bytes=used.bytes)


def _same_fields(of: Any, kind: Any) -> dict[str, Any]:
    return {name: getattr(of, name) for name in kind.__struct_fields__}
