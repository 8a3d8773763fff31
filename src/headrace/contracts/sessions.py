"""Sessions as clients see them: how one is opened, what its tokens are, and who is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from headrace.contracts.identity import (
    EMAIL_CHARS_MAX,
    TOKEN_CHARS_MAX,
    Confidential,
    GivenPassword,
    Scope,
    Token,
    User,
)


class SignIn(Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An email address and its password."""

    _hidden = frozenset({"password"})

    email: Annotated[str, Meta(max_length=EMAIL_CHARS_MAX)]
    password: GivenPassword
    cookies: Annotated[
        bool,
        Meta(
            description="Give the tokens as cookies that no script can read. For pages of this site; programs leave it out."
        ),
    ] = False


class Refresh(Confidential, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refresh token, for programs; a browser sends its own as a cookie."""

    _hidden = frozenset({"refresh_token"})

    refresh_token: Token | None = None


class TokenRequest(Confidential, frozen=True, kw_only=True):
    """What OAuth 2 sends to be given tokens, as a form (RFC 6749, sections 4.3 and 6). Parameters that it does not know are ignored."""

    _hidden = frozenset({"password", "refresh_token"})

    grant_type: Literal["password", "refresh_token"]
    username: Annotated[str, Meta(max_length=EMAIL_CHARS_MAX, description="The email address, with a password.")] = ""
    password: GivenPassword = ""
    refresh_token: Annotated[str, Meta(max_length=TOKEN_CHARS_MAX)] = ""
    scope: Annotated[str, Meta(description="Ignored: a session has all scopes of its role.")] = ""


class SessionTokens(Confidential, frozen=True, kw_only=True):
    """The tokens of a session, named as in OAuth 2 (RFC 6749, section 5.1)."""

    _hidden = frozenset({"access_token", "refresh_token"})

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a type, no token
    expires_in: Annotated[int, Meta(description="Seconds until the access token expires.")]
    refresh_token: str
    session: Annotated[str, Meta(description="The id of the session.")]


class CsrfHeader(Struct, frozen=True, kw_only=True):
    """The header that a page sends with every change that it asks for with a cookie."""

    name: str
    value: str


class CurrentSession(Struct, frozen=True, kw_only=True):
    """Who makes a request, and what it may do."""

    user: User
    scopes: Annotated[list[Scope], Meta(description="None, as long as the account is not active.")]
    credential: Annotated[Literal["session", "key"], Meta(description="What the request was made with.")]
    session: Annotated[str | None, Meta(description="The id of the session; null for a key.")]
    expires_at: Annotated[datetime | None, Meta(description="When the access token or the key expires.")]
    csrf: CsrfHeader


class SignedIn(CurrentSession, Confidential, frozen=True, kw_only=True):
    """A session that was opened or refreshed."""

    _hidden = frozenset({"tokens"})

    tokens: Annotated[SessionTokens | None, Meta(description="Null when they were given as cookies.")]


class SessionInfo(Struct, frozen=True, kw_only=True):
    """A session: one sign-in on one device."""

    id: str
    owner: str
    created_at: datetime
    seen_at: Annotated[datetime, Meta(description="When it was last refreshed.")]
    expires_at: datetime
    address: Annotated[str | None, Meta(description="Where the sign-in came from.")] = None
    agent: Annotated[str | None, Meta(description="What the browser or program called itself.")] = None
    current: Annotated[bool, Meta(description="Whether the request was made in this session.")] = False


class SessionList(Struct, frozen=True, kw_only=True):
    """The live sessions of a user, newest first."""

    items: list[SessionInfo]
