"""The errors of `headrace up`. Each message is one line that says what is wrong and what to do."""

from __future__ import annotations

from typing import ClassVar


class EmbeddedError(Exception):
    """`headrace up` cannot go on.

    ├─ HomeError     the data directory cannot be used
    ├─ PortError     the API cannot listen on its address
    └─ ServerError   a server or a process did not start
    """

    # The caller has to change a setting or an argument.
    exit_code: ClassVar[int] = 2


class HomeError(EmbeddedError):
    """The data directory cannot be used, because it is not writable or another process uses it."""


class PortError(EmbeddedError):
    """The address is in use, or belongs to no interface of this machine."""


class ServerError(EmbeddedError):
    """A server or process did not start; the message ends with the last line that it wrote."""

    exit_code: ClassVar[int] = 1
