"""Whether the log is the one it was.

A server that lost power may come back with a log that ends before what was handed out of it: appended to as it is, it would
give positions a second time, and tasks that had finished would be run again. Only the read model can tell. So nobody appends
to a log whose server has just started until somebody who knows the read model has compared the two; that it was done stands
in a stream in the server's memory, which is gone as soon as the server is.

Positions are then moved past everything that was ever handed out by filler: records of nothing.
"""

from __future__ import annotations

import asyncio

import msgspec
from nats.aio.client import Client

from headrace.log import provision, subjects
from headrace.log.nats_errors import away_is_unavailable
from headrace.log.replay import Replayer
from headrace.telemetry import get_logger

MARGIN = 50_000  # positions; more than are handed out in what a projector may be behind when the power goes
LOOK_SECONDS = 0.2
FILLER_TTL = "5m"  # it only has to have stood there
PIPELINED = 1000  # messages between two looks at whether the server still follows
ACK_SECONDS = 10.0

log = get_logger(__name__)


class Filled(msgspec.Struct, frozen=True):
    """Positions that name nothing: from ``first`` on, up to where the record that says so stands."""

    first: int
    last: int = 0

    def covers(self, sequence: int) -> bool:
        """Whether a position may have been handed out before for something that the log has lost."""
        return self.first <= sequence < self.last


async def is_compared(connection: Client, replicas: int) -> bool:
    """Whether the log was compared with the read model since its server started.

    Raises:
        LogUnavailable: the log does not answer.
        ProvisionError: there is no place for the answer, and the server does not let one be made.
    """
    return (await provision.provision_compared(connection, replicas)).said


async def wait_until_compared(connection: Client, replicas: int) -> None:
    """Return when somebody has compared the log with the read model.

    Raises:
        LogUnavailable: the log does not answer.
    """
    said = False
    while not await is_compared(connection, replicas):
        if not said:
            log.info("waiting for an API or a projector to compare the log with the read model")
        said = True
        await asyncio.sleep(LOOK_SECONDS)  # a memory of a server tells nobody that it was written


async def mark_compared(connection: Client) -> None:
    """Say that the log was compared with the read model.

    Raises:
        LogUnavailable: the log does not answer.
    """
    with away_is_unavailable():
        await connection.request(subjects.COMPARED, b"", timeout=ACK_SECONDS)


async def fill(connection: Client, last: int, to: int) -> None:
    """Append filler until positions are past ``to``.

    Args:
        connection: Connected to NATS.
        last: The last sequence of the log now.
        to: A sequence that nothing is to be given any more.

    Raises:
        LogUnavailable: the log does not answer. What was filled stays filled.
    """
    log.warning("the log skips positions that were handed out before", first=last + 1, to=to)
    with away_is_unavailable():
        for number in range(last + 1, to):
            await connection.publish(subjects.FILLER, b"", headers={subjects.TTL: FILLER_TTL})
            if number % PIPELINED == 0:
                await connection.flush()
        said = msgspec.json.encode(Filled(first=last + 1))
        await connection.request(subjects.FILLER, said, timeout=ACK_SECONDS)


async def last_filled(replayer: Replayer) -> Filled | None:
    """The newest filler, None when the log has none.

    Raises:
        LogUnavailable: the log does not answer.
    """
    record = await replayer.last(subjects.FILLER)
    if record is None or not record.payload:
        return None
    return Filled(first=msgspec.json.decode(record.payload, type=Filled).first, last=record.sequence)
