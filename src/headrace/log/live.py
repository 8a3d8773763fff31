"""Following what is appended now: a core-NATS subscription to the republished log.

At most once by nature. Whoever follows compares with the log (`Nats-Last-Sequence`, reconnects, a look now and then) and
repairs from `replay`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from headrace.log import subjects
from headrace.log.nats_errors import away_is_unavailable
from headrace.log.records import Record

__all__ = ["Subscription", "heard_all", "listen", "tell", "watch"]

PENDING_BYTES_MAX = 64 << 20  # bytes a subscription may hold; nats-py drops more, which the follower repairs


async def listen(connection: Client, subject: str, on_record: Callable[[Record], None]) -> Subscription:
    """Call ``on_record`` for every record appended from now on whose log subject matches.

    Returns once the server knows: what is appended after that is either heard or lost by the network, not by order.

    Raises:
        LogUnavailable: NATS cannot be reached.
    """

    async def on_message(message: Msg) -> None:
        on_record(Record.stored(message))

    with away_is_unavailable():
        subscription = await connection.subscribe(
            subjects.live(subject), cb=on_message, pending_bytes_limit=PENDING_BYTES_MAX
        )
        try:
            await connection.flush()
        except BaseException:
            await subscription.unsubscribe()  # or it would be made again with every reconnect, for nobody
            raise
    return subscription


async def heard_all(connection: Client, subscription: Subscription) -> None:
    """Return when everything published before has been given to the subscription's ``on_record``, or was lost.

    Raises:
        LogUnavailable: NATS cannot be reached.
    """
    with away_is_unavailable():
        await connection.flush()
    while subscription.pending_msgs:  # noqa: ASYNC110 - nats-py has no event for it; its task is next in line
        await asyncio.sleep(0)


async def watch(connection: Client, subject: str, on_value: Callable[[str, bytes], None]) -> Subscription:
    """Call ``on_value`` with subject and payload for everything published on a subject, as for a key-value bucket."""

    async def on_message(message: Msg) -> None:
        on_value(message.subject, message.data)

    with away_is_unavailable():
        subscription = await connection.subscribe(subject, cb=on_message)
        try:
            await connection.flush()
        except BaseException:
            await subscription.unsubscribe()  # as above
            raise
    return subscription


async def tell(connection: Client, subject: str, payload: bytes) -> None:
    """Publish to whoever watches a subject now; nothing of it is kept.

    Raises:
        LogUnavailable: NATS cannot be reached.
    """
    with away_is_unavailable():
        await connection.publish(subject, payload)
