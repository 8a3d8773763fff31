"""Refresh tokens: with one of them a session gets its next access token.

A refresh token has no content. It is stored as a keyed hash only, so whoever reads the database can use none. Each is used once:
with every access token, the session gets the next refresh token. So a token that is used again was stolen, and its session ends.

The tabs of a browser have their cookies in common and refresh at the same moment, all with the same token. Therefore the next token
is computed from the one before, with a key that only the API has: for a few seconds, all who show the same token are given the same
next one. One session never has two tokens that go on, and a thief who was this fast is found out when either of the two refreshes.
"""

from __future__ import annotations

import base64
import re
import secrets
from datetime import timedelta

from headrace.identity.secrets import Secrets

PREFIX = "hrr_"
RANDOM_BYTES = 32  # 256 bits

IDLE = timedelta(days=7)  # after which a session ends that is not used
ABSOLUTE = timedelta(days=30)  # after which a session ends although it is used
OVERLAP = timedelta(seconds=10)  # in which a token that was rotated is answered with the token that it was rotated to

_is_shaped = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}").fullmatch


def make_refresh_token() -> str:
    """Make the first token of a session: ``hrr_`` and 256 random bits in base64url."""
    return _written(secrets.token_bytes(RANDOM_BYTES))


def next_refresh_tokens(keys: Secrets, token: str) -> list[str]:
    """Return the token that follows another: one for each secret, in the order of the secrets. The first one is to be used."""
    return [_written(each) for each in keys.successors(token)]


def is_refresh_token(text: str) -> bool:
    """Return whether a text has the form of a refresh token. It says nothing about whether it is valid."""
    return _is_shaped(text) is not None


def _written(random: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(random).rstrip(b"=").decode()
