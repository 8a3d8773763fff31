"""Revocations that Postgres has and nobody was told: NATS, or the process that made them, went down in that moment.

Every process compares what it knows with Postgres when it starts, after each reconnect to NATS, which may have lost what it was told
last, and each minute, because the process that knew may not come back. It tells the others what it did not know.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

from headrace.api.auth.revocations import Revocations
from headrace.api.identity_database import WORK_SECONDS, IdentityDatabase
from headrace.identity.revocations import KNOWN_SECONDS
from headrace.identity_errors import IdentityUnavailable
from headrace.log import clock
from headrace.log.connection import Log
from headrace.store.recent_changes import list_changed_users, list_ended_sessions, list_revoked_keys
from headrace.telemetry import get_logger

COMPARE_SECONDS = 60.0  # between two comparisons while nothing happens
RETRY_SECONDS = 1.0  # while Postgres is away

# Verified keys are trusted for a quarter of an hour, and access tokens for ten minutes; the rows are kept for an hour.
CREDENTIALS: Final = timedelta(minutes=30)
# Follow links live for a day, whatever becomes of the credential that made them, unless their owner is disabled.
USERS: Final = timedelta(seconds=KNOWN_SECONDS)
# Clocks of processes differ by less: what was noted within this time before Postgres was asked may be newer than the answer.
UNORDERED: Final = timedelta(seconds=1)

log = get_logger(__name__)


async def tell_missed(identity: IdentityDatabase, revocations: Revocations, event_log: Log) -> None:
    """Tell what Postgres has and nobody was told, until cancelled. While Postgres is away, what is known goes on to hold."""
    is_due = asyncio.Event()

    async def compare_soon() -> None:
        is_due.set()

    take_back = event_log.on_reconnect(compare_soon)
    try:
        while True:
            is_due.clear()
            wait = await _compare_if_possible(identity, revocations)
            with suppress(TimeoutError):
                await asyncio.wait_for(is_due.wait(), wait)
    finally:
        take_back()


async def compare(identity: IdentityDatabase, revocations: Revocations) -> int:
    """Take in and tell what Postgres has and this process does not know. Returns how much that was.

    Raises:
        IdentityUnavailable: Postgres cannot be reached.
    """
    asked = clock.now()
    async with identity.transaction(WORK_SECONDS) as session:
        keys = await list_revoked_keys(session, asked - CREDENTIALS)
        sessions = await list_ended_sessions(session, asked - CREDENTIALS, asked)
        users = await list_changed_users(session, asked - USERS)
    return await revocations.note_missed(keys, sessions, users, (asked - UNORDERED).timestamp())


async def _compare_if_possible(identity: IdentityDatabase, revocations: Revocations) -> float:
    """Compare, and return after how many seconds to do so again."""
    try:
        if count := await compare(identity, revocations):
            log.warning("revocations had not been told, and are now", count=count)
    except IdentityUnavailable:
        # It was logged where it was noticed.
        return RETRY_SECONDS
    return COMPARE_SECONDS
