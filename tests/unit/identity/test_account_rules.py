"""Which state of an account follows on which."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.contracts.identity import Role, UserChange, UserState
from headrace.errors import InvalidInput
from headrace.identity.account_rules import change_account, check_last_admin, decide
from headrace.identity_errors import LastAdmin, WrongUserState

PENDING, ACTIVE, REJECTED, DISABLED = UserState


@pytest.mark.parametrize(
    ("before", "decision", "after"),
    [
        (PENDING, "approved", ACTIVE),
        (PENDING, "rejected", REJECTED),
        (ACTIVE, "approved", ACTIVE),
        (REJECTED, "rejected", REJECTED),
        (REJECTED, "approved", ACTIVE),
        (ACTIVE, "rejected", None),
        (DISABLED, "approved", None),
        (DISABLED, "rejected", None),
    ],
)
def test_a_decision_may_be_repeated_and_a_rejection_taken_back_but_not_an_approval(
    before: UserState, decision: Any, after: UserState | None
) -> None:
    if after is not None:
        assert decide(before, decision) is after
    else:
        with pytest.raises(WrongUserState, match="disable"):
            decide(before, decision)


def test_a_change_names_the_columns_that_change_and_no_other() -> None:
    assert change_account(Role.MEMBER, ACTIVE, UserChange()) == {}
    assert change_account(Role.MEMBER, PENDING, UserChange(display_name="Ada")) == {"display_name": "Ada"}
    assert change_account(Role.MEMBER, ACTIVE, UserChange(role=Role.MEMBER)) == {}
    assert change_account(Role.MEMBER, ACTIVE, UserChange(role=Role.ADMIN)) == {"role": "admin"}
    left = UserChange(state="disabled", reason="left")
    assert change_account(Role.MEMBER, ACTIVE, left) == {"state": "disabled", "reason": "left"}
    # The reason goes with the state that it explained.
    assert change_account(Role.MEMBER, DISABLED, UserChange(state="active")) == {"state": "active", "reason": None}


@pytest.mark.parametrize("state", [PENDING, REJECTED])
@pytest.mark.parametrize("asked", ["active", "disabled"])
def test_an_account_that_nobody_approved_is_not_activated_by_a_change(state: UserState, asked: Any) -> None:
    with pytest.raises(WrongUserState, match="decide about it"):
        change_account(Role.MEMBER, state, UserChange(state=asked))


@pytest.mark.parametrize(("before", "after"), [(Role.SERVICE, Role.ADMIN), (Role.MEMBER, Role.SERVICE)])
def test_an_account_of_a_program_stays_one(before: Role, after: Role) -> None:
    with pytest.raises(InvalidInput) as refused:
        change_account(before, ACTIVE, UserChange(role=after))
    assert [each.path for each in refused.value.errors] == ["/role"]


def test_a_reason_without_a_state_is_refused() -> None:
    with pytest.raises(InvalidInput, match="belongs to a state"):
        change_account(Role.MEMBER, ACTIVE, UserChange(reason="no reason"))


def test_the_only_administrator_stays_one() -> None:
    check_last_admin(["a", "b"], "a")
    check_last_admin(["a"], "b")
    check_last_admin([], "b")
    with pytest.raises(LastAdmin):
        check_last_admin(["a"], "a")
