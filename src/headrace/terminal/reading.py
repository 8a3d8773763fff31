"""The log, for commands that only look at it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from nats.aio.client import Client

from headrace.errors import LogUnavailable
from headrace.log import provision
from headrace.log.connection import open_connection
from headrace.settings import Settings
from headrace.telemetry import set_up_logs
from headrace.terminal.addresses import with_nats
from headrace.terminal.stopped import EXIT_UNREACHABLE, Stopped

PATIENCE_SECONDS = 3.0  # somebody sits in front of it


@asynccontextmanager
async def the_log(settings: Settings, name: str) -> AsyncGenerator[Client]:
    """A connection to the NATS that has the log, see `with_nats`. Makes nothing there.

    Raises:
        Stopped: NATS cannot be reached, or has no log yet; also when the log is unavailable inside the block.
    """
    set_up_logs(name, "error", settings.log_format)  # to standard error; what goes wrong is told in our own words
    try:
        async with open_connection(with_nats(settings), name, PATIENCE_SECONDS) as connection:
            if not await provision.exists(connection):
                raise Stopped(
                    "there is no log yet: start `headrace up`, or an API or a worker, which make it", EXIT_UNREACHABLE
                )
            yield connection
    except LogUnavailable as error:
        raise Stopped(f"{error.message}; on one machine, `headrace up` starts everything", EXIT_UNREACHABLE) from error
