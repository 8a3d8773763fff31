"""Make secrets and passwords that nobody has to choose."""

from __future__ import annotations

import secrets

SECRET_BYTES = 32  # as long as the keys that derive from it
PASSWORD_GROUPS = 4
GROUP_CHARS = 5  # four groups of 58 letters each are 117 bits

# Base58: no letter looks like another one, and a double click marks a group.
_LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def make_secret() -> str:
    """Make a secret for HEADRACE_API_SECRETS."""
    return secrets.token_urlsafe(SECRET_BYTES)


def make_password() -> str:
    """Make a password that can be read and typed, as ``x7Kd2-…``."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(GROUP_CHARS)) for _ in range(PASSWORD_GROUPS))
