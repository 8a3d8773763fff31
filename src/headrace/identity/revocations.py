"""Which credentials are good no longer, as far as a process has been told.

A process trusts a credential that it has verified for some minutes. What takes that trust away before is told to every process: a
revoked key, a session that was ended, and the role and state that a user was given.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from msgspec import Struct

from headrace.contracts.identity import Role, UserState
from headrace.identity.principals import Principal

KNOWN_SECONDS = 86_400.0  # after which a change is forgotten; no process trusts a credential for longer than minutes
REVOKED_MAX = 500_000  # credentials; the oldest are forgotten first
USERS_MAX = 100_000  # changed ones; likewise


class UserChanged(Struct, frozen=True):
    """The role and the state that a user was given; ``at`` is in seconds since 1970."""

    state: UserState
    role: Role
    at: float


class Change(NamedTuple):
    """One thing that takes trust away: a revoked credential, or a user that was changed.

    Attributes:
        credential: The credential, as in `Principal`; None when a user was changed.
        user: The id of the user; None when a credential was revoked.
        to: What the user was changed to.
    """

    credential: str | None = None
    user: str | None = None
    to: UserChanged | None = None

    def ends(self, principal: Principal) -> bool:
        """Tell whether a principal that was verified before is good no longer."""
        if self.credential is not None:
            return principal.credential == self.credential
        return principal.id == self.user and self.to is not None and _differs(principal, self.to)


class KnownRevocations:
    """The changes of the last day."""

    def __init__(self) -> None:
        self._revoked: OrderedDict[str, float] = OrderedDict()
        self._users: OrderedDict[str, UserChanged] = OrderedDict()

    def __len__(self) -> int:
        return len(self._revoked) + len(self._users)

    def is_good(self, principal: Principal) -> bool:
        """Tell whether nothing is known that would end a principal."""
        if principal.credential in self._revoked:
            return False
        changed = self._users.get(principal.id)
        return changed is None or not _differs(principal, changed)

    def find_end_of(self, principal: Principal) -> Change | None:
        """Return the known change that ended a principal; None when it is good as far as is known."""
        if principal.credential in self._revoked:
            return Change(credential=principal.credential)
        changed = self._users.get(principal.id)
        return Change(user=principal.id, to=changed) if changed is not None and _differs(principal, changed) else None

    def is_active(self, user: str) -> bool:
        """Tell whether a user was not made inactive in the last day."""
        changed = self._users.get(user)
        return changed is None or changed.state is UserState.ACTIVE

    def is_as(self, user: str, changed: UserChanged) -> bool:
        """Tell whether the role and the state that are known of a user are these."""
        known = self._users.get(user)
        return known is not None and (known.role, known.state) == (changed.role, changed.state)

    def learn_revoked(self, credential: str, at: float) -> Change | None:
        """Note that a credential was revoked. Returns the change; None when it was known.

        Args:
            credential: As in `Principal`.
            at: When it was revoked, in seconds since 1970.
        """
        if credential in self._revoked:
            return None
        self._revoked[credential] = at
        while self._revoked and (len(self._revoked) > REVOKED_MAX or self._oldest_revoked < at - KNOWN_SECONDS):
            self._revoked.popitem(last=False)
        return Change(credential=credential)

    def learn_user(self, user: str, to: UserChanged) -> Change | None:
        """Note the role and state of a user. Returns the change; None when this or something newer was known."""
        known = self._users.get(user)
        if known is not None and (known == to or known.at > to.at):
            return None
        self._users[user] = to
        self._users.move_to_end(user)
        while self._users and (len(self._users) > USERS_MAX or self._oldest_changed < to.at - KNOWN_SECONDS):
            self._users.popitem(last=False)
        return Change(user=user, to=to)

    @property
    def _oldest_revoked(self) -> float:
        return next(iter(self._revoked.values()))

    @property
    def _oldest_changed(self) -> float:
        return next(iter(self._users.values())).at


def _differs(principal: Principal, changed: UserChanged) -> bool:
    return principal.role != changed.role or principal.state != changed.state
