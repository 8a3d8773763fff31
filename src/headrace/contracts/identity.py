"""Who may use Headrace: the roles and states of accounts, and the scopes of what they sign in with."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What an account may do. A service is an account of a program: it has keys and no password."""

    MEMBER = "member"
    ADMIN = "admin"
    SERVICE = "service"


class UserState(StrEnum):
    """The state of an account. Only an active account may do anything but look at its own state."""

    PENDING = "pending"
    ACTIVE = "active"
    REJECTED = "rejected"
    DISABLED = "disabled"


class Scope(StrEnum):
    """One part of what a credential allows."""

    TASKS_READ = "tasks:read"
    TASKS_WRITE = "tasks:write"
    SCHEDULES_WRITE = "schedules:write"
    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    ADMIN = "admin"
