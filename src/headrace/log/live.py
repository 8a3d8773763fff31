"""The live side of the log: core-NATS subjects, on which nothing is kept.

The server republishes every task event when it is appended; batch counts and cancellations are published there directly. A
subscriber hears a message at most once, so it compares with the log (`Nats-Last-Sequence`, after reconnects, and at
intervals) and repairs from `headrace.log.replay`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from nats.aio import subscription as nats_subscription
from nats.aio.client import Client
from nats.aio.msg import Msg

from headrace.log import subjects
from headrace.log.nats_errors import nats_errors_as_unavailable
from headrace.log.records import NO_HEADERS, Record

PENDING_BYTES_MAX = 64 << 20  # bytes a subscription may hold; nats-py drops more, which the follower repairs


class Subscription:
    """Messages of one subject, as they are published."""

    def __init__(self, connection: Client, subscription: nats_subscription.Subscription) -> None:
        self._connection = connection
        self._subscription = subscription

    async def close(self) -> None:
        """Unsubscribe; without effect when the connection is closed already."""
        if not self._connection.is_closed:
            await self._subscription.unsubscribe()


class Live:
    """Publishes and subscribes on the live side."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection

    async def listen(self, subject: str, on_record: Callable[[Record], None]) -> Subscription:
        """Call ``on_record`` for every task event appended from now on whose log subject matches.

        The server knows of the subscription when this returns, so a later event is missed only if the network loses it.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """

        async def on_message(message: Msg) -> None:
            on_record(Record.stored(message))

        return await self._subscribe(subjects.live(subject), on_message, PENDING_BYTES_MAX)

    async def watch(self, subject: str, on_value: Callable[[str, bytes], None]) -> Subscription:
        """Call ``on_value`` with subject and payload of everything published under a subject.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """

        async def on_message(message: Msg) -> None:
            on_value(message.subject, message.data)

        return await self._subscribe(subject, on_message)

    async def watch_entries(
        self, subject: str, on_entry: Callable[[str, bytes, Mapping[str, str]], None]
    ) -> Subscription:
        """Call ``on_entry`` with subject, payload and headers of every change of a key-value bucket.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """

        async def on_message(message: Msg) -> None:
            on_entry(message.subject, message.data, message.headers or NO_HEADERS)

        return await self._subscribe(subject, on_message)

    async def publish(self, subject: str, payload: bytes) -> None:
        """Publish to the subscribers of this moment; nothing of it is kept.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """
        with nats_errors_as_unavailable():
            await self._connection.publish(subject, payload)

    async def _subscribe(
        self,
        subject: str,
        on_message: Callable[[Msg], Awaitable[None]],
        pending_bytes: int = nats_subscription.DEFAULT_SUB_PENDING_BYTES_LIMIT,
    ) -> Subscription:
        with nats_errors_as_unavailable():
            subscription = await self._connection.subscribe(subject, cb=on_message, pending_bytes_limit=pending_bytes)
            try:
                await self._connection.flush()
            except BaseException:
                # Without this, nats-py would subscribe again after every reconnect, for nobody.
                await subscription.unsubscribe()
                raise
        return Subscription(self._connection, subscription)


async def heard_all(connection: Client, subscription: nats_subscription.Subscription) -> None:
    """Return when every message that the server has sent for a subscription has reached its callback, or was lost.

    Raises:
        LogUnavailable: NATS cannot be reached.
    """
    with nats_errors_as_unavailable():
        await connection.flush()
    while subscription.pending_msgs:  # noqa: ASYNC110 - nats-py has no event for it; its task is next in line
        await asyncio.sleep(0)
