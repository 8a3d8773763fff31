"""The periodic sweep of what has ended: sessions, one-time tokens and old keys. One API process sweeps at a time."""

from __future__ import annotations

import asyncio

from headrace.api.identity_database import WORK_SECONDS, IdentityDatabase
from headrace.identity_errors import IdentityUnavailable
from headrace.log import clock
from headrace.store.identity_sweep import ROWS, sweep_ended
from headrace.telemetry import get_logger

SWEEP_SECONDS = 600.0

log = get_logger(__name__)


async def sweep_regularly(database: IdentityDatabase) -> None:
    """Remove what has ended every ten minutes, until this is cancelled."""
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        try:
            removed = await sweep(database)
        except IdentityUnavailable as error:
            log.warning("what has ended could not be removed; trying again later", error=error.message)
        else:
            log.debug("removed what has ended", rows=removed)


async def sweep(database: IdentityDatabase) -> int:
    """Remove what has ended, a transaction after the other, and return how many rows that were.

    Raises:
        IdentityUnavailable: Postgres cannot be reached.
    """
    removed = 0
    while True:
        async with database.transaction(WORK_SECONDS) as session:
            some = await sweep_ended(session, clock.now())
        removed += some
        if some < ROWS:
            return removed
