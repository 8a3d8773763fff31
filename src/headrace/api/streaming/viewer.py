"""Whom a stream is for, and what ends the right to see it."""

from __future__ import annotations

from msgspec import Struct

from headrace.contracts.identity import UserState
from headrace.identity.principals import Principal
from headrace.identity.revocations import Change


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

    def is_ended_by(self, change: Change) -> bool:
        """Tell whether a change takes away the right to see the stream."""
        if self.principal is not None:
            return change.ends(self.principal)
        return change.user == self.account and change.to is not None and change.to.state is not UserState.ACTIVE
