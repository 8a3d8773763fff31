"""What roles allow, and what a key of an account allows."""

from __future__ import annotations

import pytest

from headrace.contracts.identity import Role, Scope
from headrace.identity.principals import Principal, scopes_of


def test_only_an_administrator_has_the_scope_of_administrators() -> None:
    assert {role for role in Role if Scope.ADMIN in scopes_of(role)} == {Role.ADMIN}
    assert scopes_of(Role.MEMBER) == scopes_of(Role.SERVICE) == frozenset(Scope) - {"admin"}


@pytest.mark.invariant(8)
def test_a_key_never_allows_more_than_the_role_of_its_owner() -> None:
    assert scopes_of(Role.MEMBER, ["tasks:read", "admin", "everything"]) == {"tasks:read"}
    assert scopes_of(Role.ADMIN, []) == frozenset()


def test_an_administrators_key_without_its_scope_is_no_administrator() -> None:
    reading = Principal(id="a", role=Role.ADMIN, scopes=scopes_of(Role.ADMIN, ["tasks:read"]), credential="key:k")
    assert not reading.is_admin
