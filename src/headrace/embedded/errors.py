"""What can go wrong on one machine: each message is one line that says what is wrong and what to do."""

from __future__ import annotations


class EmbeddedError(Exception):
    """`headrace up` cannot go on.

    ├─ HomeError     the data directory cannot be used
    └─ ServerError   an embedded server did not start
    """


class HomeError(EmbeddedError):
    """The data directory cannot be used: not writable, in use by another process."""


class ServerError(EmbeddedError):
    """An embedded server did not start; the message ends with the last thing it said."""
