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
        sequence: The position of the record in the stream.
        subject: The log subject, also when the record was read from the live feed.
        at: When the log stored the record, to the microsecond; the same for every way of reading.
        headers: The headers, on which readers route without decoding the payload.
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
        """Make a record of an answer of the direct get API, or of a republished message.

        The broker writes sequence, subject and time into the headers of both.
        """
        headers = message.headers or NO_HEADERS
        return cls(
            int(headers[subjects.SEQUENCE]),
            headers[subjects.SUBJECT],
            # The server writes nanoseconds; this reads microseconds and drops the rest.
            datetime.fromisoformat(headers[subjects.TIME_STAMP]),
            headers,
            message.data,
        )
