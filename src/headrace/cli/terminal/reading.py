"""The log, for commands that only look at it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from headrace.cli.terminal.addresses import with_nats
from headrace.cli.terminal.stopped import EXIT_UNREACHABLE, Stopped
from headrace.errors import LogUnavailable
from headrace.log.connection import Log, open_to_read
from headrace.settings import Settings
from headrace.telemetry import set_up_logs

PATIENCE_SECONDS = 3.0  # somebody sits in front of it


@asynccontextmanager
async def the_log(settings: Settings, name: str) -> AsyncGenerator[Log]:
    """The log of the NATS that `with_nats` finds. Makes nothing there.

    Raises:
        Stopped: NATS cannot be reached, or has no log yet; also when the log is unavailable inside the block.
    """
    set_up_logs(name, "error", settings.log_format)  # to standard error; what goes wrong is told in our own words
    try:
        async with open_to_read(with_nats(settings), name, PATIENCE_SECONDS) as log:
            yield log
    except LogUnavailable as error:
        raise Stopped(f"{error.message}; on one machine, `headrace up` starts everything", EXIT_UNREACHABLE) from error
