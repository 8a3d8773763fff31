"""Whom a stream is for, and what ends the right to see it."""

from __future__ import annotations

from msgspec import Struct

from headrace.contracts.frames import ByeReason
from headrace.contracts.identity import UserState
from headrace.identity.principals import Principal
from headrace.identity.revocations import Change

_SESSION = "session:"  # before the id of a session, where a principal names its credential


class Viewer(Struct, frozen=True):
    """Whoever sees a stream: a principal, or the bearer of a follow link.

    Attributes:
        account: The account of the principal; of a follow link, the account that owns what the link shows.
        until: When the credential or the link expires, in seconds since 1970; None for never.
        principal: Who has opened the stream; None for a follow link, which outlives the credential that made it.
    """

    account: str
    until: float | None = None
    principal: Principal | None = None

    @classmethod
    def of(cls, principal: Principal) -> Viewer:
        """Return a principal as a viewer."""
        return cls(principal.id, principal.expires_at, principal)

    def why_ended_by(self, change: Change) -> ByeReason | None:
        """Return with which reason a change takes away the right to see the stream; None when it does not."""
        if self.principal is not None:
            return bye_reason(change) if change.ends(self.principal) else None
        is_disabled = change.user == self.account and change.to is not None and change.to.state is not UserState.ACTIVE
        return ByeReason.DISABLED if is_disabled else None


def bye_reason(change: Change) -> ByeReason:
    """Return what a change is called for those whose right it takes away."""
    if change.credential is not None:
        return ByeReason.SIGNED_OUT if change.credential.startswith(_SESSION) else ByeReason.REVOKED
    is_active = change.to is not None and change.to.state is UserState.ACTIVE
    return ByeReason.ROLE_CHANGED if is_active else ByeReason.DISABLED
