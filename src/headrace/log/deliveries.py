"""Deliveries: records that a consumer handed to this process, and the answers that the consumer expects.

A delivery that is neither acknowledged nor kept in progress within the consumer's ``ack_wait`` is delivered again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from headrace.log.records import NO_HEADERS, Record

ACK_DELAY_SECONDS = 0.002  # acknowledgements gather for this long

# The answers (ADR-15).
_ACK = b"+ACK"
_NAK = b"-NAK"
_IN_PROGRESS = b"+WPI"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Delivery(Record):
    """A record that was handed to a consumer and is to be acknowledged.

    Attributes:
        reply: The subject that takes the acknowledgement.
        delivered: How often this record was delivered, this time included.
        consumer_sequence: Counts the consumer's deliveries; a jump means that one was missed or repeated.
        pending: How many more records wait for this consumer.
    """

    __slots__ = ("_connection", "consumer_sequence", "delivered", "pending", "reply")

    def __init__(self, message: Msg, connection: Client) -> None:
        # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<ns>.<pending>, in newer servers with
        # <domain>.<account> before the stream and a token at the end (ADR-15).
        parts = message.reply.split(".")
        first = 4 if len(parts) == 9 else 6
        nanoseconds = int(parts[first + 3])
        super().__init__(
            int(parts[first + 1]),
            message.subject,
            _EPOCH + timedelta(microseconds=nanoseconds // 1000),
            message.headers or NO_HEADERS,
            message.data,
        )
        self.reply = message.reply
        self.delivered = int(parts[first])
        self.consumer_sequence = int(parts[first + 2])
        self.pending = int(parts[first + 4])
        self._connection = connection

    async def ack(self) -> None:
        """Acknowledge the record, so that it is not delivered again. `Acknowledger` does this for many at less cost."""
        await self._connection.publish(self.reply, _ACK)

    async def nak(self, delay: float | None = None) -> None:
        """Give the record back, to be delivered again at once or after ``delay`` seconds."""
        payload = _NAK if delay is None else _NAK + b' {"delay": %d}' % (delay * 1e9)
        await self._connection.publish(self.reply, payload)


class Acknowledger:
    """Sends acknowledgements a few at a time; one by one, each would cost both ends a system call."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection
        self._waiting: list[str] = []
        self._sending: asyncio.Task[None] | None = None

    def ack(self, delivery: Delivery) -> None:
        """Acknowledge a delivery within milliseconds.

        After a crash before that the record is delivered again, and the task is found finished in the log.
        """
        self._waiting.append(delivery.reply)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_soon(), name="acknowledge")

    async def flush(self) -> None:
        """Return when every acknowledgement so far was sent."""
        while self._sending is not None:
            await self._sending

    async def _send_soon(self) -> None:
        await asyncio.sleep(ACK_DELAY_SECONDS)
        waiting, self._waiting = self._waiting, []
        self._sending = None
        # Without a connection the records are delivered again, and acknowledged then.
        with suppress(NatsError):
            for reply in waiting:
                await self._connection.publish(reply, _ACK)


class Heartbeat:
    """Keeps deliveries in progress over a connection of its own, so that it can do so from another event loop."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection

    @property
    def is_connected(self) -> bool:
        """Whether NATS can be reached now."""
        return self._connection.is_connected

    async def in_progress(self, delivery: Delivery) -> None:
        """Have the consumer wait for another ``ack_wait`` before it delivers the record again."""
        await self._connection.publish(delivery.reply, _IN_PROGRESS)
