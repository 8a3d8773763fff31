"""What a caller is told about its session, and how it is given the tokens of one."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec
from litestar import Response
from litestar.datastructures import Cookie

from headrace.api.auth import csrf
from headrace.api.auth.audit import audit, audit_failed_sign_in
from headrace.api.auth.cookies import session_cookies
from headrace.api.auth.opened_session import Device, OpenSession, Record
from headrace.api.auth.session_tokens import session_of, session_principal
from headrace.api.edge.client_address import client_address
from headrace.api.edge.headers import read_headers
from headrace.api.edge.request import AnyRequest
from headrace.api.state import state_of
from headrace.contracts.identity import Role, Scope, UserState
from headrace.contracts.sessions import CsrfHeader, CurrentSession, SessionTokens, SignedIn
from headrace.identity.principals import Principal
from headrace.identity_errors import AccountDisabled, SignInRefused
from headrace.store.identity_tables import UserRow
from headrace.store.users import to_user

AGENT_CHARS_MAX = 200  # of what a browser calls itself; its owner has to recognise it in a list

TOO_MANY = "There were too many attempts to sign in from this address, or for this account; see Retry-After."

CSRF: Final = CsrfHeader(name=csrf.HEADER, value=csrf.VALUE)


def device_of(request: AnyRequest) -> Device:
    """Return where a request comes from, as a list of sessions shows it."""
    agent = read_headers(request.scope).get(b"user-agent", b"").decode("latin-1")
    shown = "".join(each for each in agent[:AGENT_CHARS_MAX] if each.isprintable())
    return Device(client_address(request.scope) or None, shown or None)


async def sign_in_by_password(request: AnyRequest, email: str, password: str) -> OpenSession:
    """Open a session for who knows a password, and record the attempt.

    Raises:
        SignInRefused: The email address or the password is wrong.
        AccountDisabled: The account is disabled.
        TooManyRequests: There were too many attempts from this address, or for this account.
        TooManySignIns: Too many passwords are being verified.
        IdentityUnavailable: Postgres cannot be reached.
    """
    api = state_of(request)
    await api.limits.count_sign_in(request.scope, email)
    try:
        return await api.sessions.sign_in(email, password, device_of(request), recorder(request))
    except (SignInRefused, AccountDisabled) as error:
        await audit_failed_sign_in(request, error.code, email=email, user=error.user)
        raise


def recorder(request: AnyRequest) -> Record:
    """Return what records in the audit what a request does."""
    return partial(audit, request)


def describe(user: UserRow, principal: Principal) -> CurrentSession:
    """Return what a caller is told about itself."""
    session = session_of(principal)
    return CurrentSession(
        user=to_user(user),
        scopes=sorted(map(Scope, principal.scopes)),
        credential="key" if session is None else "session",
        session=session,
        expires_at=None if principal.expires_at is None else datetime.fromtimestamp(principal.expires_at, UTC),
        csrf=CSRF,
    )


def give_tokens(opened: OpenSession, status: int) -> Response[SignedIn]:
    """Answer a program, which keeps the tokens by itself."""
    return Response(_signed_in(opened, tokens_of(opened)), status_code=status)


def give_cookies(request: AnyRequest, opened: OpenSession, status: int) -> Response[SignedIn]:
    """Answer a page, whose browser keeps the tokens as cookies."""
    return Response(_signed_in(opened, None), status_code=status, cookies=cookies_of(request, opened))


def cookies_of(request: AnyRequest, opened: OpenSession) -> list[Cookie]:
    """Return the cookies that give a browser the tokens of a session."""
    now = datetime.now(UTC)
    return session_cookies(
        read_headers(request.scope),
        opened.access.token,
        _seconds_until(opened.access.expires_at, now),
        opened.refresh_token,
        _seconds_until(opened.row.ends_at.timestamp(), now),
    )


def tokens_of(opened: OpenSession) -> SessionTokens:
    """Return the tokens of a session as OAuth 2 writes them."""
    return SessionTokens(
        access_token=opened.access.token,
        expires_in=_seconds_until(opened.access.expires_at, datetime.now(UTC)),
        refresh_token=opened.refresh_token,
        session=opened.row.id,
    )


def _signed_in(opened: OpenSession, tokens: SessionTokens | None) -> SignedIn:
    user = opened.user
    principal = session_principal(
        user.id, opened.row.id, Role(user.role), UserState(user.state), opened.access.expires_at
    )
    return SignedIn(**msgspec.structs.asdict(describe(user, principal)), tokens=tokens)


def _seconds_until(then: float, now: datetime) -> int:
    return max(0, int(then - now.timestamp()))
