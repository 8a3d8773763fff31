"""The tables of accounts, sessions, API keys, the audit and the settings at run time.

They are no function of the log: nothing can make them again, and nothing that repairs or rebuilds the read model touches them.
The API writes them, each change in one transaction.

Secrets are kept as keyed hashes. A column ``owner`` is the id of a user, whose sessions, keys and tokens go with it.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKeyConstraint, Index, text

from headrace.contracts.identity import Confidential
from headrace.store import file_table, tables
from headrace.store.columns import Json, describe_table

# It has all tables: those of the read model, that of files, and these.
metadata = tables.metadata


class IdentityRow(Confidential, frozen=True, kw_only=True):
    """A row that does not show hashes when it is printed."""

    _hidden: ClassVar[frozenset[str]] = frozenset({"password", "hash", "successor"})


class UserRow(IdentityRow, frozen=True, kw_only=True):
    """A row of `users`. ``password`` is an argon2id hash; an account for a program has neither email nor password."""

    id: str
    email: str | None = None
    display_name: str
    role: str
    state: str
    password: str | None = None
    reason: str | None = None
    created_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None
    seen_at: datetime | None = None
    preferences: Json | None = None


class SessionRow(IdentityRow, frozen=True, kw_only=True):
    """A row of `sessions`: one sign-in, and the family of its refresh tokens.

    ``generation`` counts the rotations of the refresh token; the newest token has the same number. ``expires_at`` is the end of
    the session whatever happens, ``ends_at`` its end unless it is refreshed before.
    """

    id: str
    owner: str
    generation: int = 0
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    ends_at: datetime
    address: str | None = None
    agent: str | None = None
    revoked_at: datetime | None = None


class RefreshTokenRow(IdentityRow, frozen=True, kw_only=True):
    """A row of `refresh_tokens`. A token that was rotated keeps the hash of its successor."""

    hash: bytes
    session: str
    generation: int
    issued_at: datetime
    rotated_at: datetime | None = None
    successor: bytes | None = None


class ApiKeyRow(IdentityRow, frozen=True, kw_only=True):
    """A row of `api_keys`. ``start`` is the part of the key that is shown, ``created_by`` the id of who made it, if that is known."""

    id: str
    owner: str
    name: str
    start: str
    hash: bytes
    scopes: list[str]
    created_at: datetime
    created_by: str | None = None
    expires_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class OneTimeTokenRow(IdentityRow, frozen=True, kw_only=True):
    """A row of `one_time_tokens`. ``purpose`` is ``enter`` or ``reset``."""

    hash: bytes
    purpose: str
    owner: str
    expires_at: datetime


class AuditRow(IdentityRow, frozen=True, kw_only=True):
    """A row of `audit`, which the database itself keeps from being changed. Its ids outlive the users that they name."""

    id: str
    at: datetime
    actor: str | None = None
    action: str
    subject: str | None = None
    address: str | None = None
    correlation_id: str | None = None
    data: Json = "{}"


class RunTimeSettingsRow(IdentityRow, frozen=True, kw_only=True):
    """A row of `run_time_settings`: one version of all of them. The highest version holds."""

    version: int
    at: datetime
    by: str
    document: Json


def _of_owner() -> ForeignKeyConstraint:
    """Delete the rows of a user together with the user."""
    return ForeignKeyConstraint(["owner"], ["users.id"], ondelete="CASCADE")


users = describe_table(
    "users",
    UserRow,
    Index("users_email", text("lower(email)"), unique=True),
    Index("users_by_age", "created_at", "id"),
    Index("users_in_state_by_age", "state", "created_at", "id"),
    Index("users_with_role_by_age", "role", "created_at", "id"),
)
sessions = describe_table(
    "sessions",
    SessionRow,
    _of_owner(),
    Index("sessions_of_owner", "owner", "created_at", "id"),
    Index("sessions_ending", "ends_at"),
)
refresh_tokens = describe_table(
    "refresh_tokens",
    RefreshTokenRow,
    ForeignKeyConstraint(["session"], ["sessions.id"], ondelete="CASCADE"),
    Index("refresh_tokens_of_session", "session", "generation"),
    key=("hash",),
)
api_keys = describe_table(
    "api_keys",
    ApiKeyRow,
    _of_owner(),
    Index("api_keys_hash", "hash", unique=True),
    Index("api_keys_of_owner", "owner", "created_at", "id"),
    Index("api_keys_expiring", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
    Index("api_keys_revoked", "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
)
one_time_tokens = describe_table(
    "one_time_tokens",
    OneTimeTokenRow,
    _of_owner(),
    Index("one_time_tokens_of_owner", "owner", "purpose"),
    Index("one_time_tokens_expiring", "expires_at"),
    key=("hash",),
)
audit = describe_table(
    "audit",
    AuditRow,
    Index("audit_by_age", "at", "id"),
    Index("audit_of_actor_by_age", "actor", "at", "id"),
    Index("audit_of_subject_by_age", "subject", "at", "id"),
    Index("audit_of_action_by_age", "action", "at", "id"),
)
files = file_table.files
run_time_settings = describe_table("run_time_settings", RunTimeSettingsRow, key=("version",))
