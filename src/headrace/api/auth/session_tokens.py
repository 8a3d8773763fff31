"""Verifies the access tokens of sessions. It needs no database, so sessions go on while Postgres is away."""

from __future__ import annotations

from headrace.contracts.identity import UserState
from headrace.identity.access_tokens import AccessTokens, InvalidAccessToken, looks_like_access_token
from headrace.identity.principals import Principal, scopes_of

SESSION = "session:"  # before the id of a session, where a principal names its credential


class SessionTokens:
    """The access tokens that were signed with the secrets of this installation.

    Whether a session was revoked since, or its account changed, is decided by whoever hears of revocations.

    Args:
        tokens: Verifies their signatures.
    """

    def __init__(self, tokens: AccessTokens) -> None:
        self._tokens = tokens

    def takes(self, token: str) -> bool:
        """Return whether a token has the form of an access token."""
        return looks_like_access_token(token)

    async def verify(self, token: str) -> Principal | None:
        """Return the principal of a token; None when it was not signed here, or has expired."""
        try:
            claims = self._tokens.verify(token)
        except InvalidAccessToken:
            return None
        return Principal(
            id=claims.sub,
            role=claims.role,
            scopes=scopes_of(claims.role) if claims.state is UserState.ACTIVE else frozenset(),
            credential=f"{SESSION}{claims.sid}",
            expires_at=claims.exp,
            state=claims.state,
        )


def session_of(principal: Principal) -> str | None:
    """Return the id of the session that a principal was signed in with; None when it has shown a key."""
    return principal.credential.removeprefix(SESSION) if principal.credential.startswith(SESSION) else None
