"""Whether what the read model does not have is still to come, or is gone."""

from __future__ import annotations

from headrace.contracts.positions import Position
from headrace.log.agreed import last_agreed
from headrace.log.connection import Log
from headrace.store.checkpoints import read_checkpoint
from headrace.store.snapshot import Reads


async def is_to_come(log: Log, session: Reads, subject: str) -> bool:
    """Whether the log has an event that the read model has not read yet.

    Where the read model has read them all, what is missing was deleted, or removed because of its age.

    Args:
        log: The log.
        session: The session in which nothing was found.
        subject: The subjects of the events, with wildcards.

    Raises:
        LogUnavailable: The log does not answer.
    """
    last = await last_agreed(log, subject)
    if last is None:
        return False
    read = await read_checkpoint(session)
    return read is None or read < Position(log.epoch, last.sequence)
