"""The account of whoever is signed in."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.identity import Role, Scope
from headrace.contracts.preferences import Preferences
from headrace.contracts.screens.envelope import Screen
from headrace.contracts.tasks import Instant


class AccountUser(Struct, frozen=True, kw_only=True):
    """The account itself."""

    id: str
    email: Annotated[str | None, Meta(description="Null for an account for a program.")]
    display_name: str
    role: Role
    created_at: Instant
    approved_at: Annotated[Instant | None, Meta(description="Null for an account that nobody had to approve.")]


class AccountSession(Struct, frozen=True, kw_only=True):
    """One sign-in on one device."""

    id: str
    current: Annotated[bool, Meta(description="Whether the request was made in this session.")]
    created_at: Instant
    seen_at: Annotated[Instant, Meta(description="When it was last refreshed.")]
    address: Annotated[str | None, Meta(description="Where the sign-in came from.")]
    agent: Annotated[str | None, Meta(description="What the browser or program called itself.")]


class AccountKey(Struct, frozen=True, kw_only=True):
    """An API key that is valid."""

    id: str
    name: str
    prefix: Annotated[str, Meta(description="The first characters behind `hr_`, to recognise it by.")]
    scopes: list[Scope]
    created_at: Instant
    expires_at: Instant | None
    used_at: Annotated[Instant | None, Meta(description="When it was last used, to about a minute.")]


class SubmissionUsage(Struct, frozen=True, kw_only=True):
    """How many submissions were made in the present window."""

    limit: int
    used: Annotated[int, Meta(description="As far as this process knows; others may have counted more.")]
    window_seconds: int


class StorageUsage(Struct, frozen=True, kw_only=True):
    """How much the files of the account take."""

    limit_bytes: int
    used_bytes: int


class StreamUsage(Struct, frozen=True, kw_only=True):
    """How many event streams are open."""

    limit: int
    open: int


class Usage(Struct, frozen=True, kw_only=True):
    """How much of its limits the account uses."""

    submissions: SubmissionUsage
    storage: Annotated[StorageUsage | None, Meta(description="Null where an installation keeps no files.")]
    streams: StreamUsage


class AccountV1(Screen, frozen=True, kw_only=True):
    """The account of whoever is signed in, its sessions, its keys and what it uses."""

    user: AccountUser | None
    sessions: Annotated[list[AccountSession] | None, Meta(description="Those that have not ended, newest first.")]
    keys: Annotated[list[AccountKey] | None, Meta(description="The newest that are valid, 100 at most.")]
    usage: Usage | None
    preferences: Preferences
