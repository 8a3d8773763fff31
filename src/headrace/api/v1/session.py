"""The session of a caller: sign in, refresh, sign out, and who am I.

Programs are given tokens in the answer, and pages of this site cookies that no script can read. Which of them, a sign-in says by the
field ``cookies``: what a caller sends by accident, as the header of its browser, must not decide where a secret ends up. A refresh is
answered in the way in which its token came.
"""

from __future__ import annotations

from typing import Final

import msgspec
from litestar import Response, delete, get, post, put

from headrace.api.auth.access import OWN_STATE, PUBLIC, access
from headrace.api.auth.authentication import presented_token, verify
from headrace.api.auth.cookies import access_cookie, expired_cookies, refresh_cookie
from headrace.api.auth.csrf import check_csrf
from headrace.api.auth.principal import principal_of
from headrace.api.auth.session_tokens import require_session
from headrace.api.edge.headers import answer_with, read_headers
from headrace.api.edge.json_body import decode_strictly, has_body
from headrace.api.edge.openapi import refusal, refusals
from headrace.api.edge.own_bodies import OptionalRefresh
from headrace.api.edge.request import AnyRequest
from headrace.api.state import state_of
from headrace.api.v1.signed_in import TOO_MANY, describe, give_cookies, give_tokens, recorder, sign_in_by_password
from headrace.contracts.sessions import CurrentSession, Refresh, SignedIn, SignIn
from headrace.identity_errors import NotAuthenticated

_WRONG = "The email address or the password is wrong."
_ENDED = "The session has ended, or there is none."
_NO_SESSION = "The request has no credential, or none that is valid."
_NOT_SIGNED_OUT = "The request is made with a key, or with a cookie and without the header `X-Headrace-CSRF`."
_REFUSED = "The account is disabled, or the request is made with a cookie and without the header `X-Headrace-CSRF`."

_NOTHING_TO_REFRESH: Final = (
    "this request has no refresh token, neither in its body nor as a cookie; sign in with POST /api/v1/session"
)

_decode_refresh = msgspec.json.Decoder(Refresh).decode


@post(
    "/session",
    opt=access(PUBLIC),
    operation_id="sign_in",
    summary="Sign in with an email address and a password",
    responses=refusals() | refusal(401, _WRONG) | refusal(403, _REFUSED) | refusal(429, TOO_MANY),
)
async def sign_in(request: AnyRequest, data: SignIn) -> Response[SignedIn]:
    """Programs are given tokens: the access token is sent as `Authorization: Bearer` for ten minutes, and the refresh token gets
    the next ones with `PUT /session`.

    A page of this site asks for `cookies`, and is given no tokens. With these cookies, it sends the header `X-Headrace-CSRF: 1`
    with every change that it asks for, and with this request as well.

    An account that is not approved can sign in too, and read its own state. A disabled account cannot.
    """
    if data.cookies:
        check_csrf(request.method, read_headers(request.scope), "a sign-in that asks for cookies")
    opened = await sign_in_by_password(request, data.email, data.password)
    return give_cookies(request, opened, 201) if data.cookies else give_tokens(opened, 201)


@put(
    "/session",
    opt=access(PUBLIC),
    operation_class=OptionalRefresh,
    operation_id="refresh_session",
    summary="Get the next tokens of a session",
    responses=refusals() | refusal(401, _ENDED) | refusal(403, _REFUSED),
)
async def refresh_session(request: AnyRequest) -> Response[SignedIn]:
    """A refresh token is used once: the answer has the next one. A token that is used again was stolen, or the next one was; so
    the session ends. For ten seconds, a token that was used is answered with the same next one, so that tabs may refresh at once.

    Programs send the token in the body. A page sends nothing, its browser sends the cookie. When the session has ended, the answer
    takes the cookies away.

    A session that nobody refreshes ends after seven days, and any session after thirty.
    """
    headers = read_headers(request.scope)
    given = decode_strictly(_decode_refresh, await request.body()) if has_body(headers) else Refresh()
    if given.refresh_token is not None:
        return give_tokens(await state_of(request).sessions.refresh(given.refresh_token, recorder(request)), 200)
    token = refresh_cookie(headers)
    if token is None:
        raise NotAuthenticated(_NOTHING_TO_REFRESH, remedy=None)
    check_csrf(request.method, headers)
    try:
        opened = await state_of(request).sessions.refresh(token, recorder(request))
    except NotAuthenticated:
        # The session has ended for good, and a browser would send its cookies until they expire.
        answer_with(request.scope, [cookie.to_encoded_header() for cookie in expired_cookies(headers)])
        raise
    return give_cookies(request, opened, 200)


@delete(
    "/session",
    opt=access(PUBLIC),
    operation_id="sign_out",
    summary="Sign out",
    responses=refusals()
    | refusal(401, _NO_SESSION)
    | refusal(403, _NOT_SIGNED_OUT)
    | refusal(429, "Too many wrong credentials have come from this address; see Retry-After."),
)
async def sign_out(request: AnyRequest) -> Response[None]:
    """The session of the request ends at once, with its tokens and its streams. Its browser forgets the cookies.

    Signing out of a session that has ended changes nothing.
    """
    headers = read_headers(request.scope)
    api, token = state_of(request), presented_token(headers)
    if token is not None:
        principal = await verify(request, token)
        await api.sessions.end(principal.id, require_session(principal), recorder(request))
        return Response(None, status_code=204)
    access_token, refresh_token = access_cookie(headers), refresh_cookie(headers)
    if access_token is None and refresh_token is None:
        raise NotAuthenticated("this request has no session that could end", remedy=None)
    check_csrf(request.method, headers)
    # The access token may have expired, and the refresh token may have been used by another tab; one of them will do.
    if refresh_token is None or not await api.sessions.end_by_token(refresh_token, recorder(request)):
        await _end_by_access_token(request, access_token)
    return Response(None, status_code=204, cookies=expired_cookies(headers))


@get(
    "/session",
    opt=access(OWN_STATE),
    operation_id="get_session",
    summary="Who am I",
    responses=refusals(),
)
async def get_session(request: AnyRequest) -> CurrentSession:
    """The account, its state and what the credential allows. It also answers accounts that wait for their approval, or were
    rejected, which can read nothing else.
    """
    principal = principal_of(request)
    return describe(await state_of(request).sessions.find_user(principal.id), principal)


async def _end_by_access_token(request: AnyRequest, token: str | None) -> None:
    """End the session of an access token, unless the token is not valid any more: then nothing can be ended with it."""
    api = state_of(request)
    if token is None:
        return
    try:
        principal = await verify(request, token)
    except NotAuthenticated:
        return
    await api.sessions.end(principal.id, require_session(principal), recorder(request))
