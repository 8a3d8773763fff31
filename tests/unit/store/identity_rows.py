"""Rows of users, sessions and keys for tests."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import uuid_utils

from headrace.store.identity_tables import ApiKeyRow, AuditRow, SessionRow, UserRow

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def new_id() -> str:
    return str(uuid_utils.uuid7())


def make_user(**fields: Any) -> UserRow:
    user = new_id()
    given = {"id": user, "email": f"{user}@example.com", "role": "member", "state": "active", "created_at": NOW}
    return UserRow(**{"display_name": "Ada", "password": "$argon2id$", **given, **fields})


def make_session(owner: str, **fields: Any) -> SessionRow:
    at = fields.get("created_at", NOW)
    given = {"created_at": at, "seen_at": at, "expires_at": at + 30 * DAY, "ends_at": at + 7 * DAY}
    return SessionRow(**{"id": new_id(), "owner": owner, **given, **fields})


def make_key(owner: str, **fields: Any) -> ApiKeyRow:
    given = {"name": "a key", "start": "abcdefgh", "hash": secrets.token_bytes(32), "scopes": ["tasks:read"]}
    return ApiKeyRow(**{"id": new_id(), "owner": owner, "created_at": NOW, **given, **fields})


def make_entry(**fields: Any) -> AuditRow:
    return AuditRow(
        **{"id": new_id(), "at": NOW, "actor": "local", "action": "session.created", "subject": "local", **fields}
    )
