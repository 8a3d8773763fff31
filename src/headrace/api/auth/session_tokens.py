"""Verifies the access tokens of sessions. It needs no database, so sessions go on while Postgres is away."""

from __future__ import annotations

from headrace.contracts.identity import Role, UserState
from headrace.identity.access_tokens import AccessTokens, InvalidAccessToken, looks_like_access_token
from headrace.identity.principals import Principal, scopes_of
from headrace.identity_errors import SessionNeeded

SESSION = "session:"  # before the id of a session, where a principal names its credential


class AccessTokenVerifier:
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
        return session_principal(claims.sub, claims.sid, claims.role, claims.state, claims.exp)


def session_principal(user: str, session: str, role: Role, state: UserState, expires_at: float) -> Principal:
    """Return the principal of a session. It has all scopes of its role, and none as long as its account is not active."""
    return Principal(
        id=user,
        role=role,
        scopes=scopes_of(role) if state is UserState.ACTIVE else frozenset(),
        credential=f"{SESSION}{session}",
        expires_at=expires_at,
        state=state,
    )


def session_of(principal: Principal) -> str | None:
    """Return the id of the session that a principal was signed in with; None when it has shown a key."""
    return principal.credential.removeprefix(SESSION) if principal.credential.startswith(SESSION) else None


def require_session(principal: Principal, what: str = "this is about sessions") -> str:
    """Return the id of the session that a principal was signed in with.

    Args:
        principal: The principal.
        what: Why it is needed, for the sentence that refuses a key.

    Raises:
        SessionNeeded: It has shown a key.
    """
    session = session_of(principal)
    if session is None:
        raise SessionNeeded(f"{what}, and the request was made with an API key; sign in with POST /session")
    return session
