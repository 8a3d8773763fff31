"""A record: one message of the log, however it was read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from nats.aio.msg import Msg

from headrace.log import subjects

NO_HEADERS: Mapping[str, str] = {}


class Record:
    """One message of the log.

    Attributes:
        sequence: Its place in the stream.
        subject: Its log subject, also when it was read from the live feed.
        at: When the log took it, to the microsecond; the same value through every way of reading.
        headers: What readers route on.
        payload: The event as JSON.
    """

    __slots__ = ("at", "headers", "payload", "sequence", "subject")

    def __init__(self, sequence: int, subject: str, at: datetime, headers: Mapping[str, str], payload: bytes) -> None:
        self.sequence = sequence
        self.subject = subject
        self.at = at
        self.headers = headers
        self.payload = payload

    @classmethod
    def stored(cls, message: Msg) -> Record:
        """Read an answer of the direct get API or a republished message: the broker's part is in the headers."""
        headers = message.headers or NO_HEADERS
        return cls(
            int(headers[subjects.SEQUENCE]),
            headers[subjects.SUBJECT],
            datetime.fromisoformat(headers[subjects.TIME_STAMP]),  # reads to the microsecond, drops the rest
            headers,
            message.data,
        )
