"""What can go wrong on one machine: each message is one line that says what is wrong and what to do."""

from __future__ import annotations

from typing import ClassVar


class EmbeddedError(Exception):
    """`headrace up` cannot go on.

    ├─ HomeError     the data directory cannot be used
    ├─ PortError     the API cannot listen where it should
    └─ ServerError   something did not start
    """

    exit_code: ClassVar[int] = 2  # the caller has to change something


class HomeError(EmbeddedError):
    """The data directory cannot be used: not writable, in use by another process."""


class PortError(EmbeddedError):
    """The address is in use or not ours."""


class ServerError(EmbeddedError):
    """A server or process did not start; the message ends with the last thing it said."""

    exit_code: ClassVar[int] = 1
