"""The sessions of an account: list them, end one, end all."""

from __future__ import annotations

from litestar import Response, delete, get

from headrace.api.auth.access import OWN_STATE, SIGNED_IN, access
from headrace.api.auth.cookies import expired_cookies
from headrace.api.auth.principal import principal_of
from headrace.api.auth.session_tokens import require_session
from headrace.api.edge.headers import read_headers
from headrace.api.edge.openapi import refusal, refusals
from headrace.api.edge.request import AnyRequest, is_id
from headrace.api.state import state_of
from headrace.api.v1.signed_in import recorder
from headrace.contracts.audit import Action
from headrace.contracts.sessions import SessionList
from headrace.identity_errors import SessionNotFound


@get(
    "/sessions",
    opt=access(SIGNED_IN, needs_session=True),
    operation_id="list_sessions",
    summary="The sessions of your account",
    responses=refusals(),
)
async def list_sessions(request: AnyRequest) -> SessionList:
    """The sessions that have not ended, newest first, with the address and the browser or program that each was opened from.

    A request with an API key is refused: whoever finds a key should not learn where its owner signs in.
    """
    principal = principal_of(request)
    return await state_of(request).sessions.list(principal.id, require_session(principal))


@delete(
    "/sessions/{session:str}",
    opt=access(SIGNED_IN, ends_access=True, needs_session=True),
    operation_id="end_session",
    summary="End one of your sessions",
    responses=refusals() | refusal(404, "You have no such session, or it has ended."),
)
async def end_session(request: AnyRequest, session: str) -> Response[None]:
    """Whoever uses it is signed out at once, and its streams end."""
    principal = principal_of(request)
    current = require_session(principal)
    sessions, record = state_of(request).sessions, recorder(request)
    if not is_id(session) or not await sessions.end(principal.id, session, record, Action.SESSION_REVOKED):
        raise SessionNotFound(f"you have no session {session[:80]!r}, or it has ended")
    return _signed_out(request, is_current=session == current)


@delete(
    "/sessions",
    opt=access(OWN_STATE, ends_access=True, needs_session=True),
    operation_id="end_sessions",
    summary="Sign out everywhere",
    responses=refusals(),
)
async def end_sessions(request: AnyRequest, keep_current: bool = False) -> Response[None]:
    """All your sessions end at once, with `keep_current` all but the one that asks. API keys go on working."""
    principal = principal_of(request)
    current = require_session(principal)
    await state_of(request).sessions.end_all(principal.id, recorder(request), keep=current if keep_current else None)
    return _signed_out(request, is_current=not keep_current)


def _signed_out(request: AnyRequest, *, is_current: bool) -> Response[None]:
    """Answer that sessions have ended. The browser that asked forgets its cookies if its own is one of them."""
    headers = read_headers(request.scope)
    has_cookies = is_current and b"cookie" in headers and b"authorization" not in headers
    return Response(None, status_code=204, cookies=expired_cookies(headers) if has_cookies else [])
