"""Users: somebody asks for an account, an administrator decides about it, and everybody reads their own."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from litestar import Response, delete, get, post, put
from litestar.params import Parameter, QueryParameter

from headrace.api.auth.access import OWN_STATE, PUBLIC, SIGNED_IN, access
from headrace.api.auth.accounts import unknown_user
from headrace.api.auth.audit import audit, audit_failed_sign_in
from headrace.api.auth.principal import principal_of
from headrace.api.auth.session_tokens import session_of
from headrace.api.edge.client_address import client_network
from headrace.api.edge.openapi import refusal, refusals
from headrace.api.edge.request import AnyRequest, AtCursor, is_id, location
from headrace.api.state import state_of
from headrace.contracts.identity import (
    Decision,
    NewServiceAccount,
    NewUser,
    PasswordChange,
    PasswordReset,
    Registration,
    Role,
    User,
    UserChange,
    UserPage,
    UserState,
)
from headrace.contracts.patterns import NO_NUL_PATTERN
from headrace.identity.principals import Principal
from headrace.identity_errors import Forbidden, InvalidOneTimeToken, WrongPassword
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor
from headrace.store.users import UserFilter, to_user

SEARCH_CHARS_MAX = 100  # of a part of a name or an address

_CLOSED = "Nobody may ask for an account here, or a page of another site asks for one."
_TOO_MANY = "Too many accounts were asked for from this address; see Retry-After."

InSearch = Annotated[
    str | None,
    Parameter(
        min_length=1,
        max_length=SEARCH_CHARS_MAX,
        pattern=NO_NUL_PATTERN,
        description="A part of the email address or the display name, in any case.",
    ),
]


@post(
    "/users",
    status_code=202,
    opt=access(PUBLIC),
    operation_id="register",
    summary="Ask for an account",
    responses=refusals(422) | refusal(403, _CLOSED) | refusal(429, _TOO_MANY),
)
async def register(request: AnyRequest, data: NewUser) -> Registration:
    """An administrator approves or rejects the account. Until then it can sign in and read its own state, and do nothing else.

    The answer is the same when the address has an account already, and takes as long, so that nobody learns who has one.
    """
    api = state_of(request)
    api.current.check_registration()
    await api.limits.count_registration(request.scope)
    await api.accounts.register(data, partial(audit, request))
    return Registration()


@post(
    "/service-accounts",
    status_code=201,
    opt=access("admin"),
    operation_id="create_service_account",
    summary="Make an account for a program",
    responses=refusals(),
)
async def create_service_account(request: AnyRequest, data: NewServiceAccount) -> Response[User]:
    """It has API keys, and neither an email address nor a password. It is listed with the users, with the role `service`."""
    made = await state_of(request).accounts.create_service(data.display_name, partial(audit, request))
    return Response(to_user(made), headers=location("users", made.id))


@get(
    "/users",
    opt=access("admin"),
    operation_id="list_users",
    summary="List users, newest first",
    responses=refusals(400),
)
async def list_users(
    request: AnyRequest,
    # Litestar reserves the name `state` for its own state.
    in_state: Annotated[UserState | None, QueryParameter(name="state")] = None,
    role: Role | None = None,
    q: InSearch = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
) -> UserPage:
    """Those who wait for a decision are in `?state=pending`."""
    after = None if cursor is None else Cursor.parse(cursor)
    wanted = UserFilter(state=in_state, role=role, text=q)
    items, following = await state_of(request).accounts.list(wanted, after, limit)
    return UserPage(items=items, next_cursor=str(following) if following else None)


@get(
    "/users/{user:str}",
    opt=access(OWN_STATE),
    operation_id="get_user",
    summary="One user",
    responses=refusals(404),
)
async def get_user(request: AnyRequest, user: str) -> User:
    """Administrators read every account, others their own: also while it waits for a decision, and with the reason of a rejection."""
    principal = principal_of(request)
    if user != principal.id and not principal.is_admin:
        raise unknown_user(user)
    return to_user(await state_of(request).accounts.find(_id(user)))


@put(
    "/users/{user:str}/decision",
    opt=access("admin"),
    operation_id="decide_about_user",
    summary="Approve or reject an account",
    responses=refusals(404, 409),
)
async def decide_about_user(request: AnyRequest, user: str, data: Decision) -> User:
    """The user can read the reason. A decision may be repeated, and a rejected account approved later; one that was approved is
    disabled instead.
    """
    by = principal_of(request).id
    return to_user(await state_of(request).accounts.decide(_id(user), data, by, partial(audit, request)))


@put(
    "/users/{user:str}",
    opt=access(SIGNED_IN, ends_access=True),
    operation_id="change_user",
    summary="Change a user",
    responses=refusals(404, 409, 422),
)
async def change_user(request: AnyRequest, user: str, data: UserChange) -> User:
    """A field that is left out stays as it is. Administrators change every account; others the display name of their own, signed in.

    The sessions and streams of a disabled account end at once. Its keys are refused and its schedules rest until it is
    active again; what was submitted before runs. The last active administrator stays one.
    """
    _check_may_change(principal_of(request), user, data)
    return to_user(await state_of(request).accounts.change(_id(user), data, partial(audit, request)))


@delete(
    "/users/{user:str}",
    opt=access("admin", ends_access=True),
    operation_id="delete_user",
    summary="Delete a user",
    responses=refusals(404, 409),
)
async def delete_user(request: AnyRequest, user: str) -> None:
    """Its sessions, keys, streams and schedules end at once, before the account does: when this fails, the account is disabled, and the
    request is to be repeated. Its tasks and batches stay, and belong to its id; what was submitted before runs. The email address
    may be registered again. The last active administrator cannot be deleted.
    """
    await state_of(request).accounts.delete(_id(user), partial(audit, request))


@delete(
    "/users/{user:str}/sessions",
    opt=access("admin", ends_access=True),
    operation_id="end_sessions_of_user",
    summary="Sign a user out everywhere",
    responses=refusals(404),
)
async def end_sessions_of_user(request: AnyRequest, user: str) -> None:
    """All its sessions and their streams end at once; its keys go on working. With the password it signs in again."""
    await state_of(request).accounts.end_sessions(_id(user), partial(audit, request))


@put(
    "/users/{user:str}/password",
    status_code=204,
    opt=access(SIGNED_IN, ends_access=True),
    operation_id="change_password",
    summary="Change your password",
    responses=refusals(404, 422, 429),
)
async def change_password(request: AnyRequest, user: str, data: PasswordChange) -> None:
    """All your other sessions end, and links to set a new password are not valid any more. Your API keys go on working: revoke
    those that somebody else may know.
    """
    principal = principal_of(request)
    if user != principal.id:
        if not principal.is_admin:
            raise unknown_user(user)
        raise Forbidden("nobody sets another one's password; `headrace admin reset` prints a link to set a new one")
    api, keep = state_of(request), _session(principal)
    # Whoever stole a session does not find out the password with it.
    await api.limits.count_sign_in(request.scope, user)
    try:
        await api.account_passwords.change(user, data.old, data.new, keep, partial(audit, request))
    except WrongPassword:
        await audit_failed_sign_in(request, "old password", user=user)
        raise


@put(
    "/password",
    status_code=204,
    opt=access(PUBLIC),
    operation_id="reset_password",
    summary="Set a new password with a reset link",
    responses=refusals(403, 422)
    | refusal(429, "Too many wrong reset tokens have come from this address; see Retry-After."),
)
async def reset_password(request: AnyRequest, data: PasswordReset) -> None:
    """The token of a link is valid for 30 minutes and works once. All sessions of the account end. A password that is refused does
    not use up the token.
    """
    api, address = state_of(request), client_network(request.scope)
    try:
        async with api.limits.wrong_credentials.attempt(address):
            await api.account_passwords.reset(data.token, data.password, partial(audit, request))
    except InvalidOneTimeToken:
        await audit_failed_sign_in(request, "reset link")
        raise


def _id(user: str) -> str:
    """Return the id of a user from a path, once it is known to be well formed.

    Raises:
        UserNotFound: No user can have this id.
    """
    if not is_id(user):
        raise unknown_user(user)
    return user


def _check_may_change(principal: Principal, user: str, change: UserChange) -> None:
    """Check that a principal may change an account in this way.

    Raises:
        Forbidden: It may change only the display name, or it has shown a key.
        UserNotFound: The account is somebody else's.
    """
    if principal.is_admin:
        return
    if user != principal.id:
        raise unknown_user(user)
    _session(principal)
    if change != UserChange(display_name=change.display_name):
        raise Forbidden("only administrators change roles and states; you may change your display name")


def _session(principal: Principal) -> str:
    """Return the id of the session in which a principal changes its own account. Keys do the work of programs, and not that.

    Raises:
        Forbidden: It has shown a key.
    """
    session = session_of(principal)
    if session is None:
        raise Forbidden("an API key cannot change the account that it belongs to; sign in with the password")
    return session
