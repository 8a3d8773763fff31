"""Principals: who makes a request, and what that request may do."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from headrace.contracts.identity import Role, Scope, UserState

# The first administrator of an installation. What was made before there were accounts belongs to it.
LOCAL = "local"

_ALL = frozenset(Scope)
ROLE_SCOPES = {Role.ADMIN: _ALL, Role.MEMBER: _ALL - {Scope.ADMIN}, Role.SERVICE: _ALL - {Scope.ADMIN}}


class Principal(Struct, frozen=True, kw_only=True):
    """An account together with the credential that it has shown.

    Attributes:
        id: The id of the account; it owns what the account makes.
        role: The role of the account.
        scopes: What the credential allows.
        credential: What was shown: ``key:<id>`` or ``session:<id>``.
        expires_at: When the credential expires, in seconds since 1970; None for never.
        state: The state of the account.
    """

    id: str
    role: Role
    scopes: frozenset[str]
    credential: str
    expires_at: float | None = None
    state: UserState = UserState.ACTIVE

    @property
    def is_admin(self) -> bool:
        """Whether the credential allows what only administrators may do."""
        return Scope.ADMIN in self.scopes


def scopes_of(role: Role, given: Iterable[str] | None = None) -> frozenset[str]:
    """Return the scopes that a role has; of a key with ``given`` scopes, only those that its role has as well."""
    own = frozenset[str](ROLE_SCOPES[role])
    return own if given is None else own.intersection(given)
