"""The accounts, for administrators: all of them, and those that wait for a decision."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.identity import Role, UserState
from headrace.contracts.screens.envelope import Screen
from headrace.contracts.tasks import Instant

_CURSOR = "Pass as `cursor` for the next page; null on the last."


class UserEntry(Struct, frozen=True, kw_only=True):
    """An account and how much it has."""

    id: str
    email: Annotated[str | None, Meta(description="Null for an account for a program.")]
    display_name: str
    role: Role
    state: UserState
    created_at: Instant
    seen_at: Annotated[Instant | None, Meta(description="When it was last used, to about a minute.")]
    running: Annotated[int | None, Meta(description="Its tasks that run; null while that is not known.")]
    queued: Annotated[int | None, Meta(description="Its tasks that wait to run; null while that is not known.")]
    keys: Annotated[int, Meta(description="Its API keys that are valid.")]
    sessions: Annotated[int, Meta(description="Its sessions that have not ended.")]
    storage_bytes: Annotated[int | None, Meta(description="What its files take; null where there are no files.")]


class UserCounts(Struct, frozen=True, kw_only=True):
    """How many accounts are in each state."""

    pending: int = 0
    active: int = 0
    rejected: int = 0
    disabled: int = 0


class UsersV1(Screen, frozen=True, kw_only=True):
    """One page of accounts, newest first."""

    items: list[UserEntry] | None
    next_cursor: Annotated[str | None, Meta(description=_CURSOR)]
    counts: Annotated[UserCounts | None, Meta(description="Of all accounts, whatever the list is restricted to.")]


class PendingUser(Struct, frozen=True, kw_only=True):
    """An account that waits for a decision."""

    id: str
    email: str | None
    display_name: str
    note: Annotated[str | None, Meta(description="What the person wrote; null where a registration has none.")]
    registered_at: Instant
    address: Annotated[str | None, Meta(description="Where the registration came from.")]


class PendingUsersV1(Screen, frozen=True, kw_only=True):
    """One page of the accounts that wait for a decision, newest first."""

    items: list[PendingUser] | None
    next_cursor: Annotated[str | None, Meta(description=_CURSOR)]
