"""The principal of a request, and the owner on whose behalf it is made."""

from __future__ import annotations

from typing import cast

from headrace.api.edge.known_principal import KEY
from headrace.api.edge.request import AnyRequest
from headrace.identity.principals import Principal

_OWNER = "headrace_owner"


def keep_principal(request: AnyRequest, principal: Principal) -> None:
    """Keep who makes a request, once that is known. Until `act_for` says otherwise, it is made on their own behalf."""
    state = request.scope["state"]
    state[KEY] = principal
    state[_OWNER] = principal.id


def act_for(request: AnyRequest, owner: str) -> None:
    """Make a request act on behalf of another owner."""
    request.scope["state"][_OWNER] = owner


def principal_of(request: AnyRequest) -> Principal:
    """Return who makes a request. A public route has no principal, and may not ask for one."""
    return cast("Principal", request.scope["state"][KEY])


def caller(request: AnyRequest) -> str:
    """Return the owner on whose behalf a request is made. A public route has none, and may not ask for one."""
    return cast("str", request.scope["state"][_OWNER])
