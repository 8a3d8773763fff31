"""What the web application asks when it starts."""

from __future__ import annotations

from importlib.metadata import version

from litestar import get

from headrace.api.auth.access import OWN_STATE, access
from headrace.api.auth.principal import principal_of
from headrace.api.bff.parts import within
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import state_of
from headrace.api.v1.signed_in import CSRF
from headrace.contracts.screens.session import Features, SessionUser, SessionV1
from headrace.identity_errors import IdentityUnavailable
from headrace.log import clock
from headrace.screen_errors import PartTimeout
from headrace.store.users import to_preferences, to_user

# More than a part of a screen is given: there is no page without it, and the first statement of a process, which opens a
# connection and is compiled, takes longer than a part may on a machine that has just started everything.
SESSION_SECONDS = 2.0


@get(
    "/session",
    operation_id="show_session",
    opt=access(OWN_STATE) | belongs_to(Mount.MEMBER),
    summary="Who is signed in, and what this installation can do",
    responses=refusals(),
)
async def show_session(request: AnyRequest) -> SessionV1:
    """The web application asks this first. An account that waits for its approval is answered as well."""
    api = state_of(request)
    try:
        found = await within(SESSION_SECONDS, api.sessions.find_user(principal_of(request).id))
    except PartTimeout as error:
        # Without it there is nothing to show, and whoever waits for the first page should be told soon.
        raise IdentityUnavailable("accounts are not available at the moment; try again shortly") from error
    user = to_user(found)
    return SessionV1(
        at=clock.now(),
        user=SessionUser(
            id=user.id, email=user.email, display_name=user.display_name, role=user.role, state=user.state
        ),
        csrf=CSRF,
        preferences=to_preferences(found),
        features=Features(
            files=api.files.are_kept,
            follow_links=api.follow_tokens.are_possible,
            registration=api.current.values.registration == "open",
        ),
        version=version("headrace"),
    )
