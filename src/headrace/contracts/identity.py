"""Accounts, sessions and API keys, as clients see them, and the limits and patterns of their fields."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from headrace.contracts.patterns import NOT_PRINTABLE, PRINTABLE_PATTERN, pattern_of
from headrace.contracts.tasks import Instant

EMAIL_CHARS_MAX = 254  # of an address that can be in an SMTP envelope (RFC 5321)
DISPLAY_NAME_CHARS_MAX = 100
PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 128  # hashing takes as long for a short one, but somebody has to send and to receive it
KEY_NAME_CHARS_MAX = 100
KEY_SECONDS_MAX = 10 * 366 * 86_400  # ten years; a key that is to be valid for longer has no end
REASON_CHARS_MAX = 500
TOKEN_CHARS_MAX = 4096  # of a token that a client sends in a body

# Only visible ASCII, so that two addresses which differ for Postgres never look alike, or become one when mail is sent.
EMAIL_PATTERN = pattern_of(
    "an email address, such as ann@example.com", r"^[!-?A-~]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$(?!\n)"
)
ONE_LINE_PATTERN = pattern_of(
    "one line of printable characters, without spaces at its ends",
    rf"^[^\s{NOT_PRINTABLE}]([^{NOT_PRINTABLE}]*[^\s{NOT_PRINTABLE}])?$(?!\n)",
)

Email = Annotated[
    str, Meta(max_length=EMAIL_CHARS_MAX, pattern=EMAIL_PATTERN, description="Case does not distinguish two of them.")
]
DisplayName = Annotated[
    str,
    Meta(min_length=1, max_length=DISPLAY_NAME_CHARS_MAX, pattern=ONE_LINE_PATTERN, description="A name for people."),
]
Password = Annotated[
    str,
    Meta(
        min_length=PASSWORD_CHARS_MIN, max_length=PASSWORD_CHARS_MAX, description="Any characters; a sentence is good."
    ),
]
# A password that is only compared may be one that would be refused as a new one.
GivenPassword = Annotated[str, Meta(max_length=PASSWORD_CHARS_MAX)]
KeyName = Annotated[
    str,
    Meta(
        min_length=1, max_length=KEY_NAME_CHARS_MAX, pattern=ONE_LINE_PATTERN, description="What the key is used for."
    ),
]
Reason = Annotated[str, Meta(max_length=REASON_CHARS_MAX, pattern=PRINTABLE_PATTERN, description="Shown to the user.")]
Token = Annotated[str, Meta(min_length=1, max_length=TOKEN_CHARS_MAX)]


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


class Confidential(Struct, frozen=True):
    """A Struct with secrets: the fields that ``_hidden`` names are left out of its representation, and so of logs."""

    _hidden: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({', '.join(shown)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, "(hidden)" if name in self._hidden else getattr(self, name)) for name in self.__struct_fields__]


class User(Struct, frozen=True, kw_only=True):
    """An account. Its id is the owner of what it makes."""

    id: str
    email: Annotated[str | None, Meta(description="Null for an account for a program.")] = None
    display_name: str
    role: Role
    state: UserState
    reason: Annotated[str | None, Meta(description="Why it was rejected or disabled.")] = None
    created_at: datetime
    decided_at: Annotated[datetime | None, Meta(description="When it was approved or rejected.")] = None
    decided_by: Annotated[str | None, Meta(description="The id of who approved or rejected it.")] = None
    seen_at: Annotated[datetime | None, Meta(description="When it was last used, to about a minute.")] = None


class UserPage(Struct, frozen=True, kw_only=True):
    """One page of users, newest first."""

    items: list[User]
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]


class NewUser(Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request for an account, which an administrator then approves or rejects."""

    _hidden = frozenset({"password"})

    email: Email
    display_name: DisplayName
    password: Password


class Registration(Struct, frozen=True, kw_only=True):
    """A request for an account was taken. It says nothing about whether the address has an account already."""

    state: UserState = UserState.PENDING


class NewServiceAccount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request for an account for a program, which has API keys and no password."""

    display_name: DisplayName


class Decision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an administrator decides about an account."""

    state: Annotated[Literal["approved", "rejected"], Meta(description="An approved account is `active` from then on.")]
    reason: Reason | None = None


class UserChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an administrator changes about an account. A field that is left out stays as it is."""

    display_name: DisplayName | None = None
    role: Role | None = None
    state: Literal["active", "disabled"] | None = None
    reason: Reason | None = None


class PasswordChange(Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password, and the one before it. All other sessions of the user end."""

    _hidden = frozenset({"old", "new"})

    old: GivenPassword
    new: Password


class PasswordReset(Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password, with the token of a reset link. All sessions of the user end."""

    _hidden = frozenset({"token", "password"})

    token: Token
    password: Password


class ApiKeyRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request for an API key. It can never do more than its owner."""

    name: KeyName
    scopes: (
        Annotated[list[Scope], Meta(max_length=len(Scope), description="All that the owner has, when null.")] | None
    ) = None
    expires_at: Annotated[Instant | None, Meta(description="The key is valid until then; for ever when null.")] = None
    expires_in: (
        Annotated[int, Meta(ge=1, le=KEY_SECONDS_MAX, description="Seconds for which it is valid, instead.")] | None
    ) = None


class ApiKey(Struct, frozen=True, kw_only=True):
    """An API key, without the key itself."""

    id: str
    owner: str
    name: str
    start: Annotated[str, Meta(description="The first characters behind `hr_`, to recognise it by.")]
    scopes: list[Scope]
    created_at: datetime
    created_by: Annotated[
        str | None,
        Meta(
            description="The id of who made it: its owner, or an administrator. Null for keys of before this was kept."
        ),
    ] = None
    expires_at: datetime | None = None
    used_at: Annotated[datetime | None, Meta(description="When it was last used, to about a minute.")] = None
    revoked_at: datetime | None = None


class NewApiKey(ApiKey, Confidential, frozen=True, kw_only=True):
    """An API key that was just made. This is the only time that the key itself is shown."""

    _hidden = frozenset({"key"})

    key: Annotated[str, Meta(description="Send it as `Authorization: Bearer <key>`; keep it secret.")]


class ApiKeyPage(Struct, frozen=True, kw_only=True):
    """One page of API keys, newest first."""

    items: list[ApiKey]
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
