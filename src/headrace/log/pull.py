"""The pull loop: reads one durable consumer, one pull request at a time.

The owner requests as many records as it can take (`Puller.pull`). Each record arrives through ``on_delivery``; ``on_end`` says
that the request is used up, expired or lost, so that the owner pulls again. Pull requests do not survive a reconnect and can
be lost, so each carries an expiry and a heartbeat (ADR-13), and silence counts as the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from headrace.log import subjects
from headrace.log.deliveries import Delivery
from headrace.log.live import heard_all
from headrace.log.steady_client import SteadyClient
from headrace.telemetry import get_logger

HEARTBEAT_SECONDS = 2.0
SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS  # after three missed heartbeats the request counts as lost

_SATISFIED = frozenset({"Batch Completed", "Message Size Exceeds MaxBytes"})

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode


class Puller:
    """Pulls from one durable consumer.

    Args:
        connection: Connected to NATS.
        durable: The consumer's name.
        on_delivery: Called for each record, in order.
        on_end: Called when the current request has ended. Its argument is true when the server ended the request because of a
            problem, such as a missing consumer; the owner then provisions the consumer before it pulls again.
    """

    def __init__(
        self,
        connection: SteadyClient,
        durable: str,
        on_delivery: Callable[[Delivery], None],
        on_end: Callable[[bool], None],
    ) -> None:
        self.durable = durable
        # Records that may still arrive for the current request.
        self.outstanding = 0
        self._connection = connection
        self._subject = subjects.api(f"CONSUMER.MSG.NEXT.{subjects.STREAM}.{durable}")
        self._inbox = connection.new_inbox()
        self._on_delivery = on_delivery
        self._on_end = on_end
        self._request = 0
        self._heard = 0.0
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        """Subscribe to deliveries."""
        self._subscription = await self._connection.hear(f"{self._inbox}.*", self._on_message)

    async def close(self) -> None:
        """End the current request and unsubscribe; records that are on their way still arrive before this returns."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            # Without a connection there is no server to inform, and no record on its way.
            with suppress(NatsError):
                await subscription.drain()
        self.outstanding = 0

    async def pull(self, batch: int, expires: float = 0, bytes_max: int | None = None) -> None:
        """Request records. Nothing may be outstanding.

        Args:
            batch: How many records at most.
            expires: Seconds for which the server waits for records; with 0 it sends only those that it has.
            bytes_max: How many bytes at most.
        """
        assert self.outstanding == 0
        self.outstanding = batch
        self._request += 1
        self._heard = time.monotonic()
        wanted: dict[str, int | bool] = {"batch": batch}
        wanted |= {"expires": int(expires * 1e9)} if expires else {"no_wait": True}
        if bytes_max is not None:
            wanted["max_bytes"] = bytes_max
        if expires > 2 * HEARTBEAT_SECONDS:
            wanted["idle_heartbeat"] = int(HEARTBEAT_SECONDS * 1e9)
        try:
            await self._connection.publish(self._subject, _encode(wanted), f"{self._inbox}.{self._request}")
        except NatsError:
            # The connection is closing, or broken with a full buffer. The owner pulls again at its next check.
            self.outstanding = 0

    async def settle(self) -> None:
        """Return when every record that the server has sent so far has reached ``on_delivery``."""
        if self._subscription is not None:
            await heard_all(self._connection, self._subscription)

    def check(self) -> None:
        """End a request that the server has been silent about for too long. The owner calls this about once a second."""
        if self.outstanding and time.monotonic() - self._heard > SILENCE_SECONDS:
            self.reset()

    def reset(self) -> None:
        """End the current request, as after a reconnect, which it does not survive."""
        if self.outstanding:
            self._end(gone=False)

    def _on_message(self, message: Msg) -> None:
        self._heard = time.monotonic()
        if message.reply:
            self.outstanding = max(0, self.outstanding - 1)
            self._on_delivery(Delivery(message, self._connection))
            if self.outstanding == 0:
                self._on_end(False)
            return
        # The status may be about a request that has ended.
        if self.outstanding == 0 or message.subject.rpartition(".")[2] != str(self._request):
            return
        status = (message.headers or {}).get(subjects.STATUS)
        reason = (message.headers or {}).get(subjects.DESCRIPTION, "no responders")
        # The request has expired, found nothing, or brought as many bytes as requested.
        if status in ("404", "408") or reason in _SATISFIED:
            self._end(gone=False)
        elif status in ("409", "503"):
            log.warning("pull ended", consumer=self.durable, reason=reason)
            self._end(gone=True)

    def _end(self, *, gone: bool) -> None:
        self.outstanding = 0
        self._on_end(gone)
