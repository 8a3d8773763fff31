"""The projector's session in Postgres. The session that holds the lock belongs to the one active projector.

The leader writes pages in the session that holds the lock, so a projector that lost the lock cannot write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from headrace.store.outages import DRIVER_ERRORS, describe_outage
from headrace.store.revision import find_gap_by_driver

CONNECT_TIMEOUT_SECONDS = 5.0
STATEMENT_TIMEOUT_SECONDS = 30.0
IDLE_SESSION_MILLISECONDS = 6000  # Postgres ends the session of a leader that is silent for so long, and frees its lock
KEEP_ALIVE_SECONDS = 1.5  # between two statements of a leader that waits for something else; it may be late three times
TRANSACTION_MILLISECONDS = 20_000  # likewise for one that stops inside a statement, which does not count as idle
TRANSACTION_TIMEOUT_SINCE = 17  # the major version of Postgres
LEADER_LOCK = 0x48_52_50  # any number, the same in every projector ("HRP")

SESSION_SETTINGS = {
    "application_name": "headrace-projector",
    "idle_session_timeout": str(IDLE_SESSION_MILLISECONDS),
    "idle_in_transaction_session_timeout": str(IDLE_SESSION_MILLISECONDS),
    "jit": "off",
    # A plan that was cached while the tables were small would read all of them.
    "plan_cache_mode": "force_custom_plan",
}

T = TypeVar("T")


class LeaderSession:
    """A session that may hold the leader's lock.

    Attributes:
        connection: The asyncpg connection, for the statements of `headrace.store`.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @classmethod
    async def connect(cls, url: str) -> LeaderSession:
        """Open a session.

        Raises:
            OSError: Postgres cannot be reached.
            asyncpg.PostgresError: Postgres refuses.
        """
        connection = await cast("Any", asyncpg).connect(
            url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=STATEMENT_TIMEOUT_SECONDS,
            server_settings=SESSION_SETTINGS,
        )
        session = cls(connection)
        try:
            if connection.get_server_version().major >= TRANSACTION_TIMEOUT_SINCE:
                await connection.execute(f"SET transaction_timeout = {TRANSACTION_MILLISECONDS}")
        except BaseException:
            session.close()
            raise
        return session

    def close(self) -> None:
        """Drop the connection, which frees the lock; does not wait for a Postgres that may not answer."""
        self.connection.terminate()

    async def try_lead(self) -> bool:
        """Try to become the one active projector. The lock is held until the session ends."""
        return await self.connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK)

    async def find_gap(self) -> str | None:
        """Say what the database lacks before this version can use it; None when it can."""
        return await find_gap_by_driver(self.connection)

    async def keep_alive(self) -> None:
        """Run an empty statement, so that Postgres does not end the session as idle."""
        await self.connection.execute("SELECT 1")

    async def hold_while(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for something that does not use the session, however long it takes, without losing the lead meanwhile.

        Returns:
            What the work returns.

        Raises:
            Exception: What the work raises, or what says that the session is lost; then the work is cancelled.
        """
        working = asyncio.create_task(work)
        try:
            while not working.done():
                await asyncio.wait({working}, timeout=KEEP_ALIVE_SECONDS)
                if not working.done():
                    await self.keep_alive()
            return working.result()
        finally:
            if not working.done():
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)


async def why_no_answer(url: str, patience: float) -> str | None:
    """Say why Postgres does not answer within ``patience`` seconds; None when it does. To refuse a session is an answer, too."""
    try:
        async with asyncio.timeout(patience):
            (await cast("Any", asyncpg).connect(url, server_settings=SESSION_SETTINGS)).terminate()
    except asyncpg.PostgresError:
        return None
    except TimeoutError:
        return f"cannot use Postgres: no answer within {patience:g} s"
    except DRIVER_ERRORS as error:
        return f"cannot use Postgres: {describe_outage(error)}"
    return None
