"""Access rules: each route declares who may use it. A route without a rule is open to nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute
from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.identity import Scope, UserState
from headrace.identity.principals import Principal
from headrace.identity_errors import AccountNotActive, Forbidden, MissingScope

_OPTION = "access"


class Rule(Struct, frozen=True):
    """Who may use a route.

    Attributes:
        scope: The scope that the credential has to have; None when any credential will do.
        is_public: Whether the route takes requests without a credential.
        is_by_token: Whether a public route asks for a token that is part of the request, and so is not for everybody.
        is_for_pending: Whether the route also serves accounts that are not active.
        ends_access: Whether the route takes credentials away. It has to work however much others of the account ask for.
        needs_session: Whether the route refuses keys, with `headrace.api.auth.session_tokens.require_session`.
    """

    scope: Scope | None = None
    is_public: bool = False
    is_by_token: bool = False
    is_for_pending: bool = False
    ends_access: bool = False
    needs_session: bool = False


# For health, documentation and signing in.
PUBLIC: Final = Rule(is_public=True)
# For links: the route itself checks the token that is part of the request.
BY_TOKEN: Final = Rule(is_public=True, is_by_token=True)
# For what everybody may do with their own account, once it is active.
SIGNED_IN: Final = Rule()
# For the state of one's own account, while it waits for its approval and after a rejection.
OWN_STATE: Final = Rule(is_for_pending=True)


def access(rule: Rule | str, *, ends_access: bool = False, needs_session: bool = False) -> dict[str, Any]:
    """Return the `opt` of a route: a rule of this module, or the scope that its caller has to have, as ``"tasks:write"``."""
    declared = rule if isinstance(rule, Rule) else Rule(Scope(rule))
    if ends_access or needs_session:
        declared = replace(declared, ends_access=ends_access, needs_session=needs_session)
    return {_OPTION: declared}


def rule_of(handler: HTTPRouteHandler) -> Rule | None:
    """Return the rule of a route; None when it declares none."""
    return handler.opt.get(_OPTION)


def check_access(principal: Principal, rule: Rule) -> None:
    """Check that a principal may use a route.

    Raises:
        AccountNotActive: The account is not active.
        Forbidden: The route is for administrators.
        MissingScope: The credential lacks the scope of the route.
    """
    if principal.state is not UserState.ACTIVE and not rule.is_for_pending:
        raise AccountNotActive(f"this account is {principal.state}; only its own state can be read")
    if rule.scope is not None and rule.scope not in principal.scopes:
        if rule.scope is Scope.ADMIN:
            raise Forbidden("this is for administrators")
        raise MissingScope(f"this credential lacks the scope {rule.scope}; use one that has it")


def without_rule(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Yield the routes that declare no rule, as ``GET /path``. Litestar's own answer to OPTIONS needs none."""
    for route in routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if handler.http_methods != {"OPTIONS"} and rule_of(handler) is None:
                yield f"{', '.join(sorted(handler.http_methods))} {route.path}"
