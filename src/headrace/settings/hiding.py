"""Keeping the secrets of the settings out of what is shown: an error of a server may repeat what it was given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from headrace.settings.secret_files import SECRETS
from headrace.settings.sections import Settings


def hide_secrets(text: str, settings: Settings) -> str:
    """Return a text with ``(hidden)`` for each secret of the settings."""
    secrets = sorted({each for each in _secrets_of(settings) if each}, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, secrets)), "(hidden)", text) if secrets else text


def _secrets_of(section: Struct) -> Iterator[str]:
    for name in section.__struct_fields__:
        value = getattr(section, name)
        if isinstance(value, Struct):
            yield from _secrets_of(value)
        elif name == "url":
            yield from _passwords_of(str(value))
        elif name in SECRETS and value is not None:
            yield from (value, *value.split(","))


def _passwords_of(urls: str) -> Iterator[str]:
    """The passwords in URLs, and the user of one without a password: NATS takes it for a token."""
    for url in urls.split(","):
        user, _, password = urlsplit(url.strip()).netloc.rpartition("@")[0].partition(":")
        if secret := password or (user if url.startswith(("nats", "tls", "ws")) else ""):
            yield from (secret, unquote(secret))
