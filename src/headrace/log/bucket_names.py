"""The names of the key-value buckets that the API processes follow, and the subjects of their entries (ADR-8).

$KV.HEADRACE_IDENTITY.revoked.key.<key>               a revoked API key
$KV.HEADRACE_IDENTITY.revoked.session.<session>       a session that was ended
$KV.HEADRACE_IDENTITY.user.<user>                     the role and the state that a user was given
$KV.HEADRACE_SETTINGS.current                         the settings that change at run time
"""

from __future__ import annotations

from typing import Final

IDENTITY_BUCKET: Final = "HEADRACE_IDENTITY"
IDENTITY_STREAM: Final = f"KV_{IDENTITY_BUCKET}"
IDENTITY_ENTRIES: Final = f"$KV.{IDENTITY_BUCKET}.>"

SETTINGS_BUCKET: Final = "HEADRACE_SETTINGS"
SETTINGS_STREAM: Final = f"KV_{SETTINGS_BUCKET}"
SETTINGS_ENTRIES: Final = f"$KV.{SETTINGS_BUCKET}.>"
CURRENT_SETTINGS: Final = f"$KV.{SETTINGS_BUCKET}.current"


def revoked(kind: str, which: str) -> str:
    """The subject that says that something was revoked: a ``key`` or a ``session``, and its id."""
    return f"$KV.{IDENTITY_BUCKET}.revoked.{kind}.{which}"


def changed_user(user: str) -> str:
    """The subject that says which role and state a user was given."""
    return f"$KV.{IDENTITY_BUCKET}.user.{user}"


def key_of_entry(subject: str) -> list[str]:
    """The parts of the key of an entry."""
    return subject.split(".")[2:]
