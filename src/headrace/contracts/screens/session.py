"""What the web application is sent when it starts: who is signed in, and what this installation can do."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.identity import Role, UserState
from headrace.contracts.preferences import Preferences
from headrace.contracts.sessions import CsrfHeader
from headrace.contracts.tasks import Instant


class SessionUser(Struct, frozen=True, kw_only=True):
    """Who is signed in."""

    id: str
    email: str | None
    display_name: str
    role: Role
    state: Annotated[UserState, Meta(description="Only an active account can read any screen.")]


class Features(Struct, frozen=True, kw_only=True):
    """What this installation can do."""

    files: bool
    follow_links: bool
    registration: Annotated[bool, Meta(description="Whether anybody may ask for an account.")]


class SessionV1(Struct, frozen=True, kw_only=True):
    """Who is signed in, and what this installation can do."""

    at: Annotated[Instant, Meta(description="The server's clock.")]
    user: SessionUser
    csrf: Annotated[CsrfHeader, Meta(description="The header to send with every change.")]
    preferences: Preferences
    features: Features
    version: Annotated[str, Meta(description="The version of Headrace.")]
