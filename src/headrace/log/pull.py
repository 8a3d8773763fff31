"""The pull loop: one durable consumer, read on a subscription callback, one pull request at a time.

The owner says how many records it can take (`Puller.pull`); each arrives through ``on_delivery``, and ``on_end`` tells that
the request is used up, expired or lost, so that the owner pulls again. Pull requests do not survive a reconnect and can be
lost, so each carries an expiry and a heartbeat (ADR-13), and silence counts as the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from headrace.log import subjects
from headrace.log.deliveries import Delivery
from headrace.log.live import heard_all
from headrace.telemetry import get_logger

HEARTBEAT_SECONDS = 2.0
SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS  # three heartbeats missed: the request is gone

_SATISFIED = frozenset({"Batch Completed", "Message Size Exceeds MaxBytes"})

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode


class Puller:
    """Pulls from one durable consumer.

    Args:
        connection: Connected to NATS.
        durable: The consumer's name.
        on_delivery: Called for each record, in order.
        on_end: Called when the current request has ended. With true when the server ended it for a reason, such as
            that the consumer is not there; the owner makes sure of the consumer before it pulls again.
    """

    def __init__(
        self, connection: Client, durable: str, on_delivery: Callable[[Delivery], None], on_end: Callable[[bool], None]
    ) -> None:
        self.durable = durable
        self.outstanding = 0  # records that may still arrive for the current request
        self._connection = connection
        self._subject = subjects.api(f"CONSUMER.MSG.NEXT.{subjects.STREAM}.{durable}")
        self._inbox = connection.new_inbox()
        self._on_delivery = on_delivery
        self._on_end = on_end
        self._request = 0
        self._heard = 0.0
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        """Begin to listen for deliveries."""
        self._subscription = await self._connection.subscribe(f"{self._inbox}.*", cb=self._on_message)

    async def close(self) -> None:
        """End the current request and stop listening; what is on its way already still arrives before this returns."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with suppress(NatsError):  # without a connection there is nobody to tell, and nothing on its way
                await subscription.drain()
        self.outstanding = 0

    async def pull(self, batch: int, expires: float = 0, bytes_max: int | None = None) -> None:
        """Ask for up to ``batch`` records and ``bytes_max`` bytes, when nothing is outstanding.

        Those that come within ``expires`` seconds; with 0, those that are there now.
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
            self.outstanding = 0  # closing, or disconnected with a full buffer; the owner's clock pulls again

    async def settle(self) -> None:
        """Return when every record that has reached this process has been given out."""
        if self._subscription is not None:
            await heard_all(self._connection, self._subscription)

    def check(self) -> None:
        """To be called about once a second: gives up a request that nothing was heard of."""
        if self.outstanding and time.monotonic() - self._heard > SILENCE_SECONDS:
            self.reset()

    def reset(self) -> None:
        """Forget the current request, as after a reconnect."""
        if self.outstanding:
            self._end(gone=False)

    async def _on_message(self, message: Msg) -> None:
        self._heard = time.monotonic()
        if message.reply:
            self.outstanding = max(0, self.outstanding - 1)
            self._on_delivery(Delivery(message, self._connection))
            if self.outstanding == 0:
                self._on_end(False)
            return
        if self.outstanding == 0 or message.subject.rpartition(".")[2] != str(self._request):
            return  # about a request that has ended
        status = (message.headers or {}).get(subjects.STATUS)
        reason = (message.headers or {}).get(subjects.DESCRIPTION, "no responders")
        if status in ("404", "408") or reason in _SATISFIED:  # nothing there, expired, or as many bytes as asked for
            self._end(gone=False)
        elif status in ("409", "503"):
            log.warning("pull ended", consumer=self.durable, reason=reason)
            self._end(gone=True)

    def _end(self, *, gone: bool) -> None:
        self.outstanding = 0
        self._on_end(gone)
