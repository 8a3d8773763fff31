"""The stream of a batch that one client receives: its counts as they change, and an end when the batch has settled."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec

from headrace.api.streaming.batch_follower import BatchFollower
from headrace.api.streaming.frames import beat_frame
from headrace.api.streaming.open_streams import HEARTBEAT_SECONDS, OpenStream
from headrace.contracts.batches import Batch, BatchEventName, BatchState

_encode = msgspec.json.Encoder().encode


class BatchStream:
    """Generates what one client is sent.

    Args:
        follower: Gives the batch whenever it has changed.
    """

    def __init__(self, follower: BatchFollower) -> None:
        self._follower = follower

    async def chunks(self, stream: OpenStream) -> AsyncGenerator[bytes]:
        """Generate the chunks of the stream, until the batch has settled or the stream must end."""
        is_settled = False
        while not is_settled and not stream.must_end:
            batch = await self._follower.next(HEARTBEAT_SECONDS)
            if stream.must_end:
                break
            yield beat_frame(self._follower.position) if batch is None else _batch_frame(batch)
            is_settled = batch is not None and batch.state == BatchState.SETTLED
        if not is_settled:
            yield stream.last_words()

    def wake(self) -> None:
        """Make `chunks` go on: the follower stops waiting for a change."""
        self._follower.wake()

    def close(self) -> None:
        """Stop following the batch."""
        self._follower.close()


def _batch_frame(batch: Batch) -> bytes:
    event = BatchEventName.SETTLED if batch.state == BatchState.SETTLED else BatchEventName.COUNTED
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (batch.position.encode(), event.encode(), _encode(batch))
