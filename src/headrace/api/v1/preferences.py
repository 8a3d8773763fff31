"""How an account wants to see things in the web application."""

from __future__ import annotations

from litestar import put

from headrace.api.auth.access import SIGNED_IN, access
from headrace.api.auth.accounts import unknown_user
from headrace.api.auth.principal import principal_of
from headrace.api.auth.session_tokens import require_session
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.state import state_of
from headrace.contracts.preferences import NewPreferences, Preferences
from headrace.contracts.problems import FieldError
from headrace.cron import is_time_zone
from headrace.errors import InvalidInput
from headrace.identity.principals import Principal
from headrace.identity_errors import Forbidden
from headrace.store.users import change_user, preferences_column, to_preferences

ME = "me"  # in a path, whoever makes the request


@put(
    "/users/{user:str}/preferences",
    opt=access(SIGNED_IN, needs_session=True),
    operation_id="replace_preferences",
    summary="Say how you want to see things",
    responses=refusals(404, 422),
)
async def replace_preferences(request: AnyRequest, user: str, data: NewPreferences) -> Preferences:
    """All preferences are replaced. `user` is your own id, or `me`. They are in the screens `session` and `account`.

    A request with an API key is refused: a program has no screen.
    """
    principal = principal_of(request)
    _check_is_own(principal, user)
    require_session(principal, "preferences are chosen by whoever is signed in")
    if data.time_zone is not None and not is_time_zone(data.time_zone):
        message = "this is no time zone; IANA names are like Europe/Berlin, or UTC"
        raise InvalidInput(message, [FieldError(path="/time_zone", message=message)])
    async with state_of(request).identity.transaction() as session:
        return to_preferences(await change_user(session, principal.id, preferences=preferences_column(data)))


def _check_is_own(principal: Principal, user: str) -> None:
    """Check that an account is that of a principal.

    Raises:
        Forbidden: It is somebody else's, and the principal may know that there is one.
        UserNotFound: It is somebody else's.
    """
    if user in (ME, principal.id):
        return
    if principal.is_admin:
        raise Forbidden("everybody chooses their own preferences; nobody sets another one's")
    raise unknown_user(user)
