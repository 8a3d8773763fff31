from __future__ import annotations

import pytest

from headrace.api.auth.session_tokens import AccessTokenVerifier, session_of
from headrace.contracts.identity import Role, Scope, UserState
from headrace.identity.access_tokens import AccessTokens
from headrace.identity.principals import Principal
from headrace.identity.secrets import Secrets

TOKENS = AccessTokens(Secrets(["s" * 32]))


async def principal_of(role: Role, state: UserState) -> Principal | None:
    return await AccessTokenVerifier(TOKENS).verify(TOKENS.issue("u1", "s1", role, state).token)


async def test_a_session_has_all_scopes_of_its_role() -> None:
    principal = await principal_of(Role.MEMBER, UserState.ACTIVE)
    assert principal is not None
    assert (principal.id, principal.credential, session_of(principal)) == ("u1", "session:s1", "s1")
    assert principal.scopes == frozenset(Scope) - {Scope.ADMIN}
    assert principal.expires_at is not None


@pytest.mark.parametrize("state", [UserState.PENDING, UserState.REJECTED, UserState.DISABLED])
async def test_a_session_of_an_account_that_is_not_active_has_no_scope(state: UserState) -> None:
    principal = await principal_of(Role.ADMIN, state)
    assert principal is not None
    assert (principal.state, principal.scopes) == (state, frozenset())


async def test_what_was_signed_elsewhere_has_no_principal() -> None:
    foreign = AccessTokens(Secrets(["x" * 32])).issue("u1", "s1", Role.ADMIN, UserState.ACTIVE).token
    assert AccessTokenVerifier(TOKENS).takes(foreign)
    assert await AccessTokenVerifier(TOKENS).verify(foreign) is None


def test_a_key_is_no_session() -> None:
    assert session_of(Principal(id="u1", role=Role.MEMBER, scopes=frozenset(), credential="key:s1")) is None
