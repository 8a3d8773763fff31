"""What of the environment of `headrace up` each of its children gets: of the settings, those that it reads itself.

Whoever takes over a child, or reads its environment, finds no secret of the others there. What has no name of a setting passes:
handlers have variables of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_type_hints

from msgspec import Struct

from headrace.settings import PREFIX, Settings
from headrace.settings.secret_files import FILE_SUFFIX, SECRETS

_SECTIONS_OF = {
    "api": {"nats", "stream", "database", "objects", "api", "limits"},
    "worker": {"nats", "stream", "objects", "worker"},
    "projector": {"nats", "stream", "database", "projector"},
    "provision": {"nats", "stream"},
    "migrate": {"database", "audit"},
    "admin": {"database", "api"},
}
_HINTS = get_type_hints(Settings)
_SECTIONS = {name for name, type_ in _HINTS.items() if isinstance(type_, type) and issubclass(type_, Struct)}
# Those at the top that may hold a secret are for the command line: the key, and the URL of the API.
_OF_COMMAND_LINE = {
    PREFIX + name.upper() + suffix for name in (_HINTS.keys() - _SECTIONS) & SECRETS for suffix in ("", FILE_SUFFIX)
}


def environ_of(process: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a Headrace process: without the settings of others, also when these are misspelt.

    Args:
        process: ``api``, ``worker``, ``projector``, ``provision``, ``migrate``, or ``admin``, which makes the first administrator.
        environ: Everything that is set.
    """
    sections = {None, *_SECTIONS_OF[process]}
    return {
        name: value for name, value in environ.items() if name not in _OF_COMMAND_LINE and _section_of(name) in sections
    }


def environ_of_servers(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of programs that are not of Headrace: it has none of its variables."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}


def _section_of(variable: str) -> str | None:
    """Return the section that a variable has by the beginning of its name; None for those at the top and for those of others."""
    return next((each for each in _SECTIONS if variable.startswith(f"{PREFIX}{each.upper()}_")), None)
