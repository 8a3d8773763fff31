"""The users of the embedded NATS: one for each process, with a password that the home keeps in a file of its own.

The passwords are 32 random bytes and stand in the server's configuration as they are: it is as private as the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.embedded.home import Home
from headrace.log.permissions import USERS, users_config
from headrace.settings.secret_files import without

_CREDENTIALS = ("HEADRACE_NATS_TOKEN", "HEADRACE_NATS_USER", "HEADRACE_NATS_PASSWORD", "HEADRACE_NATS_CREDENTIALS")


class NatsUsers:
    """Knows the users of a home's NATS.

    Args:
        home: Makes the passwords that are missing, and keeps them.

    Raises:
        HomeError: a password cannot be read or written.
    """

    def __init__(self, home: Home) -> None:
        self._passwords = {user: home.nats_password(user) for user in USERS}

    def configuration(self) -> list[dict[str, Any]]:
        """Return the users for the configuration of the server."""
        return users_config(self._passwords)

    def environ_of(self, user: str, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment that has the credentials of a user, and of nobody else."""
        theirs = {"HEADRACE_NATS_USER": user, "HEADRACE_NATS_PASSWORD": self._passwords[user]}
        return without(environ, *_CREDENTIALS) | theirs
