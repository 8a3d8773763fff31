"""What ends a credential that was verified before, and how long it is known."""

from __future__ import annotations

import pytest

from headrace.contracts.identity import Role, UserState
from headrace.identity import revocations
from headrace.identity.principals import Principal, scopes_of
from headrace.identity.revocations import KNOWN_SECONDS, KnownRevocations, UserChanged


def principal(role: Role = Role.MEMBER, credential: str = "key:k1", state: UserState = UserState.ACTIVE) -> Principal:
    return Principal(id="u1", role=role, scopes=scopes_of(role), credential=credential, state=state)


def test_a_revoked_credential_ends_and_the_others_of_its_owner_do_not() -> None:
    known = KnownRevocations()
    change = known.learn_revoked("key:k1", 1.0)
    assert change is not None
    for credential, is_over in (("key:k1", True), ("session:k1", False), ("key:k2", False)):
        assert change.ends(principal(credential=credential)) is is_over
        assert known.is_good(principal(credential=credential)) is not is_over
    assert known.learn_revoked("key:k1", 2.0) is None


@pytest.mark.parametrize(
    ("role", "state", "is_over"),
    [
        (Role.MEMBER, UserState.ACTIVE, False),
        (Role.MEMBER, UserState.DISABLED, True),
        (Role.ADMIN, UserState.ACTIVE, True),
    ],
)
def test_what_was_verified_with_another_role_or_state_ends(role: Role, state: UserState, is_over: bool) -> None:
    known = KnownRevocations()
    change = known.learn_user("u1", UserChanged(state, role, 1.0))
    assert change is not None
    assert change.ends(principal()) is is_over
    assert known.is_good(principal()) is not is_over
    assert known.is_good(principal(role, state=state))
    assert not change.ends(Principal(id="u2", role=Role.MEMBER, scopes=frozenset(), credential="key:k3"))


def test_of_two_changes_of_a_user_the_newer_one_counts_in_whatever_order_they_come() -> None:
    known = KnownRevocations()
    newer = UserChanged(UserState.ACTIVE, Role.MEMBER, 2.0)
    known.learn_user("u1", newer)
    assert known.learn_user("u1", UserChanged(UserState.DISABLED, Role.MEMBER, 1.0)) is None
    assert known.learn_user("u1", newer) is None
    assert known.is_good(principal())


def test_changes_are_forgotten_after_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownRevocations()
    known.learn_revoked("key:k1", 0.0)
    known.learn_revoked("key:k2", 10.0)
    known.learn_user("u1", UserChanged(UserState.DISABLED, Role.MEMBER, 0.0))
    known.learn_revoked("key:k3", KNOWN_SECONDS + 5.0)
    known.learn_user("u2", UserChanged(UserState.DISABLED, Role.MEMBER, KNOWN_SECONDS + 5.0))
    assert len(known) == 3
    monkeypatch.setattr(revocations, "REVOKED_MAX", 2)
    known.learn_revoked("key:k4", KNOWN_SECONDS + 6.0)
    assert len(known) == 3
    assert not known.is_good(principal(credential="key:k4"))
