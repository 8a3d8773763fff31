"""The users of the embedded NATS: one for each process, with a password that the home keeps in a file of its own.

The passwords are 32 random bytes and stand in the server's configuration as they are: it is as private as the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from headrace.embedded.home import Home
from headrace.embedded.private_files import private_directory, write_private
from headrace.log import subjects
from headrace.log.permissions import OPERATOR, SYSTEM, USERS, users_config
from headrace.settings.secret_files import without

_CREDENTIALS = ("HEADRACE_NATS_TOKEN", "HEADRACE_NATS_USER", "HEADRACE_NATS_PASSWORD", "HEADRACE_NATS_CREDENTIALS")
# The people's users: what each is for.
_PEOPLE: Final = {
    OPERATOR: "sees the streams and consumers of Headrace, and changes nothing",
    SYSTEM: "sees the server, and none of the data",
}


class NatsUsers:
    """Knows the users of a home's NATS.

    Args:
        home: Makes the passwords that are missing, and keeps them.

    Raises:
        HomeError: a password cannot be read or written.
    """

    def __init__(self, home: Home) -> None:
        self._contexts = home.nats / "context"
        self._passwords = {user: home.nats_password(user) for user in USERS}
        self.system_password = home.nats_password(SYSTEM)

    def configuration(self) -> list[dict[str, Any]]:
        """Return the users for the configuration of the server."""
        return users_config(self._passwords)

    def environ_of(self, user: str, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment that has the credentials of a user, and of nobody else."""
        theirs = {"HEADRACE_NATS_USER": user, "HEADRACE_NATS_PASSWORD": self._passwords[user]}
        return without(environ, *_CREDENTIALS) | theirs

    def write_contexts(self, url: str) -> None:
        """Write how the `nats` client connects as each user for people: it finds them when XDG_CONFIG_HOME is the home.

        So no password is ever an argument, which everybody on this machine could read.

        Raises:
            HomeError: a file cannot be written.
        """
        private_directory(self._contexts)
        passwords = self._passwords | {SYSTEM: self.system_password}
        for user, about in _PEOPLE.items():
            context = {"description": about, "url": url, "user": user, "password": passwords[user]}
            if user in USERS:
                context["inbox_prefix"] = subjects.inbox(user)
            write_private(self._contexts / f"{user}.json", msgspec.json.format(msgspec.json.encode(context)).decode())
