"""The nightly sweep of files. Every API process wakes at the same time, and one after the other finds nothing left to do."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from headrace.api.files.shelf import FileShelf
from headrace.api.files.sweep import Sweeper
from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.positions import Position
from headrace.errors import HeadraceError
from headrace.log import clock
from headrace.log.agreed import state_agreed
from headrace.log.connection import Log
from headrace.store.checkpoints import is_repairing, read_checkpoint
from headrace.store.snapshot import Reads
from headrace.telemetry import get_logger

HOUR = 2  # UTC, when most people sleep who have their working day in Europe or in America
MINUTE = 40
CATCH_UP_SECONDS = 30.0  # for the projector, which is a tenth of a second behind
POLL_SECONDS = 0.5

log = get_logger(__name__)


async def sweep_nightly(shelf: FileShelf, event_log: Log) -> None:
    """Sweep every night, until this is cancelled. Without a store there is nothing to sweep."""
    while shelf.objects is not None:
        await asyncio.sleep((next_night(clock.now()) - clock.now()).total_seconds())
        sweeper = Sweeper(shelf.identity, shelf.objects, lambda: has_caught_up(event_log, shelf.identity))
        try:
            found = await sweeper.run()
        except HeadraceError as error:
            log.warning("files could not be swept; trying again tomorrow", error=error.message)
            continue
        for problem in sweeper.problems:
            log.warning("a part of the sweep of files was left out", reason=problem)
        counts = Counter(each.what for each in found)
        log.info(
            "swept files",
            bytes=sum(each.size for each in found),
            **{key.replace(" ", "_"): n for key, n in counts.items()},
        )


def next_night(now: datetime) -> datetime:
    """Return when the next sweep is."""
    today = now.replace(hour=HOUR, minute=MINUTE, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


async def has_caught_up(event_log: Log, database: IdentityDatabase) -> bool:
    """Wait a while until the read model has everything that is in the log now, and return whether it has.

    Raises:
        LogUnavailable: NATS does not answer.
        IdentityUnavailable: Postgres cannot be reached.
    """
    state = await state_agreed(event_log)
    end = Position(state.epoch, state.last_sequence)
    for _ in range(int(CATCH_UP_SECONDS / POLL_SECONDS)):
        async with database.transaction() as session:
            if await _has_reached(session, end):
                return True
        await asyncio.sleep(POLL_SECONDS)
    return False


async def _has_reached(session: Reads, end: Position) -> bool:
    checkpoint = await read_checkpoint(session)
    return (
        checkpoint is not None
        and checkpoint.epoch == end.epoch
        and checkpoint >= end
        and not await is_repairing(session)
    )
