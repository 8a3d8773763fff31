"""What may become of an account: who decides about it, and which state and role follow on which.

pending ──approved──▶ active ◀──▶ disabled
   └────rejected────▶ rejected ──approved──▶ active
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from headrace.contracts.identity import Role, UserChange, UserState
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput
from headrace.identity_errors import LastAdmin, WrongUserState

_DECIDED = {"approved": UserState.ACTIVE, "rejected": UserState.REJECTED}


def decide(state: UserState, decision: Literal["approved", "rejected"]) -> UserState:
    """Return the state of an account after a decision about it. A decision may be repeated, and a rejection taken back.

    Raises:
        WrongUserState: The account is in use, or was.
    """
    decided = _DECIDED[decision]
    if state in (UserState.PENDING, UserState.REJECTED) or state is decided:
        return decided
    if state is UserState.DISABLED:
        raise WrongUserState("this account was approved and is disabled; change its state instead")
    raise WrongUserState("this account is active and can be rejected no longer; disable it instead")


def change_account(role: Role, state: UserState, asked: UserChange) -> dict[str, object]:
    """Return what an administrator's change makes of an account: the columns that change, by name.

    Args:
        role: The role of the account.
        state: Its state.
        asked: The change.

    Raises:
        InvalidInput: The change cannot be made of any account, or not of this one.
        WrongUserState: Nobody has decided about the account yet.
    """
    changed: dict[str, object] = {}
    if asked.display_name is not None:
        changed["display_name"] = asked.display_name
    if asked.role is not None and asked.role is not role:
        if Role.SERVICE in (asked.role, role):
            raise _wrong("/role", "an account of a program stays one, and no other becomes one; make another account")
        changed["role"] = asked.role.value
    if asked.state is not None:
        if state not in (UserState.ACTIVE, UserState.DISABLED):
            raise WrongUserState(f"this account is {state}; decide about it instead")
        changed["state"] = asked.state
        changed["reason"] = asked.reason
    elif asked.reason is not None:
        raise _wrong("/reason", "a reason belongs to a state; say the state as well")
    return changed


def check_last_admin(admins: Collection[str], user: str) -> None:
    """Check that an account may cease to be an active administrator.

    Args:
        admins: The ids of those that are.
        user: The account.

    Raises:
        LastAdmin: It is the only one.
    """
    if list(admins) == [user]:
        raise LastAdmin("this is the last active administrator; make somebody else one first")


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput(message, [FieldError(path=path, message=message)])
