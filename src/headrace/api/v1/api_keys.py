"""API keys: made, listed and revoked. A key is shown once; afterwards only its hash is known."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import uuid_utils
from litestar import Response, delete, get, post
from litestar.params import Parameter

from headrace.api.auth.access import SIGNED_IN, access
from headrace.api.auth.audit import audit
from headrace.api.auth.principal import caller, principal_of
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AnyRequest, AtCursor, is_id, location
from headrace.api.state import state_of
from headrace.contracts.audit import Action
from headrace.contracts.identity import ApiKey, ApiKeyPage, ApiKeyRequest, NewApiKey, Role
from headrace.identity.key_format import make_key, shown_part
from headrace.identity.key_rules import check_may_make_keys, check_may_revoke, expiry_of, grant_scopes
from headrace.identity_errors import ApiKeyNotFound
from headrace.log import clock
from headrace.store.api_keys import find_key, insert_key, list_keys, revoke_key, to_api_key
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor
from headrace.store.identity_tables import ApiKeyRow
from headrace.store.users import lock_user


@post(
    "/api-keys",
    status_code=201,
    operation_id="create_api_key",
    opt=access(SIGNED_IN),
    operation_class=OfOwner,
    summary="Make an API key",
    responses=refusals(404, 409, 422),
)
async def create_api_key(request: AnyRequest, data: ApiKeyRequest) -> Response[NewApiKey]:
    """The answer is the only one that has the `key` itself.

    A key allows what its `scopes` say, and never more than its owner or the credential that makes it. A key makes no other keys,
    unless it has the scope `admin`: sign in to make one.

    An administrator may make a key for somebody else. The owner sees it in its list, with who made it, and can revoke it.
    """
    api, principal, owner, now = state_of(request), principal_of(request), caller(request), clock.now()
    check_may_make_keys(principal)
    key = make_key()
    async with api.identity.transaction() as session:
        role = Role((await lock_user(session, owner)).role)
        row = ApiKeyRow(
            id=str(uuid_utils.uuid7()),
            owner=owner,
            name=data.name,
            start=shown_part(key),
            hash=api.secrets.hash(key),
            scopes=grant_scopes(principal, role, data.scopes),
            created_at=now,
            created_by=principal.id,
            expires_at=expiry_of(data, now),
            used_at=None,
            revoked_at=None,
        )
        await insert_key(session, row)
        # Whoever made a key for somebody else has seen it, and can act as its owner with it.
        said: dict[str, Any] = {
            "owner": owner,
            "name": row.name,
            "for_another": owner != principal.id,
            "scopes": row.scopes,
        }
        await audit(request, Action.KEY_CREATED, subject=row.id, session=session, **said)
    made = NewApiKey(**msgspec.structs.asdict(to_api_key(row)), key=key)
    return Response(made, headers=location("api-keys", row.id))


@get(
    "/api-keys",
    operation_id="list_api_keys",
    opt=access(SIGNED_IN),
    operation_class=OfOwner,
    summary="List API keys, newest first",
    responses=refusals(400),
)
async def list_api_keys(
    request: AnyRequest,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
) -> ApiKeyPage:
    """Keys that were revoked or have expired are listed for a while."""
    after = None if cursor is None else Cursor.parse(cursor)
    async with state_of(request).identity.transaction() as session:
        items, following = await list_keys(session, caller(request), after, limit)
    return ApiKeyPage(items=items, next_cursor=str(following) if following else None)


@get(
    "/api-keys/{key:str}",
    operation_id="get_api_key",
    opt=access(SIGNED_IN),
    operation_class=OfOwner,
    summary="One API key",
    responses=refusals(404),
)
async def get_api_key(request: AnyRequest, key: str) -> ApiKey:
    """The answer says when the key was last used, to about a minute."""
    _check_id(key)
    async with state_of(request).identity.transaction() as session:
        found = await find_key(session, caller(request), key)
    if found is None:
        raise _not_found(key)
    return found


@delete(
    "/api-keys/{key:str}",
    status_code=204,
    operation_id="revoke_api_key",
    opt=access(SIGNED_IN, ends_access=True),
    operation_class=OfOwner,
    summary="Revoke an API key",
    responses=refusals(404),
)
async def revoke_api_key(request: AnyRequest, key: str) -> None:
    """Every process refuses it within two seconds, and its streams end. Revoking it again changes nothing.

    A key may revoke itself; others only with the scope `admin`.
    """
    _check_id(key)
    api, owner, now = state_of(request), caller(request), clock.now()
    check_may_revoke(principal_of(request), key)
    async with api.identity.transaction() as session:
        revoked_at = await revoke_key(session, owner, key, now)
        if revoked_at is None:
            raise _not_found(key)
        if revoked_at == now:
            await audit(request, Action.KEY_REVOKED, subject=key, session=session, owner=owner)
    await api.revocations.note_key_revoked(key)


def _check_id(key: str) -> None:
    if not is_id(key):
        raise _not_found(key)


def _not_found(key: str) -> ApiKeyNotFound:
    return ApiKeyNotFound(f"there is no API key {key[:80]!r}")
