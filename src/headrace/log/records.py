"""A record: one message of the log, however it was read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from nats.aio.msg import Msg

from headrace.log import subjects

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_HEADERS: Mapping[str, str] = {}


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
        headers = message.headers or _NO_HEADERS
        return cls(
            int(headers[subjects.SEQUENCE]),
            headers[subjects.SUBJECT],
            datetime.fromisoformat(headers[subjects.TIME_STAMP]),  # reads to the microsecond, drops the rest
            headers,
            message.data,
        )


class Delivery(Record):
    """A record handed to a consumer, which is to be acknowledged.

    Attributes:
        reply: Where acknowledgements go.
        delivered: How often this record was delivered, this time included.
        consumer_sequence: Counts the consumer's deliveries; a jump means something was missed or repeated.
        pending: How many more wait for this consumer.
    """

    __slots__ = ("consumer_sequence", "delivered", "pending", "reply")

    def __init__(self, message: Msg) -> None:
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>, in newer servers with
        # <domain>.<account> before the stream and a token at the end (ADR-15).
        parts = message.reply.split(".")
        first = 4 if len(parts) == 9 else 6
        nanoseconds = int(parts[first + 3])
        super().__init__(
            int(parts[first + 1]),
            message.subject,
            _EPOCH + timedelta(microseconds=nanoseconds // 1000),
            message.headers or _NO_HEADERS,
            message.data,
        )
        self.reply = message.reply
        self.delivered = int(parts[first])
        self.consumer_sequence = int(parts[first + 2])
        self.pending = int(parts[first + 4])
