"""Secrets from files: ``HEADRACE_NATS_TOKEN_FILE`` names a file with the value of ``HEADRACE_NATS_TOKEN``.

A file is mounted into a container by whatever keeps secrets, and does not show in a list of processes and their environments.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SECRETS = frozenset(  # fields that may hold one; a database URL may contain a password
    {"token", "password", "url", "secrets", "follow_secrets", "api_key", "status_key", "status_url"}
)
FILE_SUFFIX = "_FILE"
FILE_BYTES_MAX = 64 << 10  # bytes; an endless file does not fill the memory


class SecretFileError(ValueError):
    """A secret cannot be read from its file. The message does not contain the secret."""


PATHS = frozenset({"ca", "cert", "key", "credentials"})  # fields that name a file which a library reads for itself


def unreadable(field: str, path: str) -> list[str]:
    """Say why a file that a setting names cannot be read; nothing when it can, and for fields that name none."""
    if field not in PATHS:
        return []
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        return [f"cannot be read: {getattr(error, 'strerror', error)}"]
    return []


def is_given(environ: Mapping[str, str], variable: str) -> bool:
    """Whether an environment sets a setting that may come from a file, itself or by naming the file."""
    return bool(environ.get(variable) or environ.get(variable + FILE_SUFFIX))


def without(environ: Mapping[str, str], *variables: str) -> dict[str, str]:
    """Return an environment without some settings, and without the files that have them."""
    dropped = {*variables, *(variable + FILE_SUFFIX for variable in variables)}
    return {name: value for name, value in environ.items() if name not in dropped}


def read_secret(environ: Mapping[str, str], variable: str) -> str | None:
    """Return the value of a setting that may come from a file; None when it is not given. One line break at its end is dropped.

    Raises:
        SecretFileError: The file cannot be used, or both the variable and its file are given.
    """
    named = variable + FILE_SUFFIX
    given, path = environ.get(variable), environ.get(named)
    if not path:
        return given or None
    if given:
        raise SecretFileError(f"{named}: {variable} is given too; unset one of them")
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        raise SecretFileError(f"{named}={path!r}: cannot be read: {getattr(error, 'strerror', error)}") from error
    if len(content) > FILE_BYTES_MAX:
        raise SecretFileError(f"{named}={path!r}: has more than {FILE_BYTES_MAX:,} bytes, so it is no secret")
    try:
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        # The error itself would show a part of the file.
        raise SecretFileError(f"{named}={path!r}: is not UTF-8") from None
    if not text:
        raise SecretFileError(f"{named}={path!r}: the file is empty")
    return text
