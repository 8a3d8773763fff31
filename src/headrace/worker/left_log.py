"""Tasks that are over and have left the log before a worker came to finish them, see `headrace.projector.trimming`."""

from __future__ import annotations

from typing import NamedTuple

from headrace.log import clock
from headrace.log.connection import Log
from headrace.worker.execution import Execution


class LeftLog(NamedTuple):
    """The task has ended long ago, so that nothing was appended."""


async def has_left(log: Log, execution: Execution) -> bool:
    """Whether the record of a delivery has left the log because its task is over.

    The log keeps the end of a task for some minutes before the task leaves it, and refuses another end meanwhile. Whoever comes
    later than that has to ask this first, because a log without the task would take a second end of it.

    Raises:
        LogUnavailable: the log does not answer, or who answers for it is behind.
    """
    age = (clock.now() - execution.delivery.at).total_seconds()
    # It may also have reached the age at which the log drops a record whatever becomes of its task.
    return age < log.settings.retention and await log.replayer.leading.has_dropped(execution.delivery.sequence)
