"""How requests are authenticated, as the OpenAPI document has it."""

from __future__ import annotations

from litestar.openapi.spec import OAuthFlow, OAuthFlows, Reference, SecurityRequirement, SecurityScheme

from headrace.api.auth.access import Rule
from headrace.api.auth.cookies import ON_THIS_MACHINE, OVER_HTTPS

TOKEN_PATH = "/api/v1/session/token"  # noqa: S105 - a path

_BEARER = "bearer"
_PASSWORD = "password"  # noqa: S105 - the name of a scheme
_COOKIE = "cookie"
_COOKIE_HERE = "cookie_on_this_machine"


def _cookie(name: str, where: str) -> SecurityScheme:
    return SecurityScheme(
        type="apiKey",
        security_scheme_in="cookie",
        name=name,
        description=f"The cookie of a session, {where}. Changes also need the header `X-Headrace-CSRF: 1`.",
    )


SECURITY_SCHEMES: dict[str, SecurityScheme | Reference] = {
    _BEARER: SecurityScheme(
        type="http", scheme="bearer", description="An API key, or the access token of a session (`POST /session`)."
    ),
    _PASSWORD: SecurityScheme(
        type="oauth2",
        description="An email address and its password, for a session with all scopes of its role.",
        flows=OAuthFlows(password=OAuthFlow(token_url=TOKEN_PATH, refresh_url=TOKEN_PATH, scopes={})),
    ),
    _COOKIE: _cookie(OVER_HTTPS.access, "over HTTPS"),
    _COOKIE_HERE: _cookie(ON_THIS_MACHINE.access, "under 127.0.0.1 or localhost"),
}


def security_of(rule: Rule) -> list[SecurityRequirement]:
    """Return what a route takes, any of these: a key or a token, which may need a scope, or a cookie.

    What wants a session takes no key; its access token is that of the password.
    """
    if rule.is_public:
        return []
    of_session: list[SecurityRequirement] = [{_PASSWORD: []}, {_COOKIE: []}, {_COOKIE_HERE: []}]
    if rule.needs_session:
        return of_session
    return [{_BEARER: [str(rule.scope)] if rule.scope else []}, *of_session]
