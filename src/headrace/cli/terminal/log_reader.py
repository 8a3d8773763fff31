"""Open the log for a command that only reads it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from headrace.cli.terminal.discovery import find_nats, how_to_find
from headrace.cli.terminal.exits import EXIT_UNREACHABLE, CommandFailed
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.opening import open_to_read
from headrace.settings import Settings
from headrace.settings.secret_files import is_given
from headrace.telemetry import set_up_logs

PATIENCE_SECONDS = 3.0  # a person waits for the answer


@asynccontextmanager
async def open_log_reader(settings: Settings, name: str, home: str | None) -> AsyncGenerator[Log]:
    """Open the log of the NATS that `find_nats` finds, for the home that is given. Creates nothing there.

    Raises:
        CommandFailed: NATS cannot be reached or has no log yet, or the block raised `LogUnavailable`.
    """
    # Only errors are logged, to standard error: the command itself tells what goes wrong.
    set_up_logs(name, "error", settings.log_format)
    try:
        async with open_to_read(find_nats(settings, home), name, PATIENCE_SECONDS) as log:
            yield log
    except LogUnavailable as error:
        how = how_to_find(settings, "--home")
        # Who has named a NATS reads first what is wrong with it, and everybody else that no `up` runs.
        named = home is not None or is_given(os.environ, "HEADRACE_NATS_URL")
        said = f"{error.message}; {how}" if named else f"{how}\n{error.message}"
        raise CommandFailed(said, EXIT_UNREACHABLE) from error
