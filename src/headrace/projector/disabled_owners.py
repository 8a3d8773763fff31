"""The owners whose accounts are disabled, so that their schedules rest.

Postgres is asked every second, and not at each firing. So firings go on while Postgres is away, by what it has said last, and
none of them waits for a Postgres that hangs.
"""

from __future__ import annotations

import asyncio

import asyncpg  # pyright: ignore[reportMissingTypeStubs]

from headrace.store.leader_queries import list_disabled_users
from headrace.store.leadership import LeaderSession
from headrace.telemetry import get_logger

ASK_SECONDS = 1.0  # between two questions; a disabled account is to start nothing new after two seconds

log = get_logger(__name__)


class DisabledOwners:
    """The disabled owners, as far as this process knows.

    Args:
        database_url: The address of Postgres.

    Attributes:
        are_known: Whether Postgres has said once which they are. Until then no schedule is known to belong to an enabled account.
    """

    def __init__(self, database_url: str) -> None:
        self.are_known = False
        self._database_url = database_url
        self._owners: frozenset[str] = frozenset()
        self._is_away = False

    def __contains__(self, owner: object) -> bool:
        return owner in self._owners

    async def follow(self) -> None:
        """Ask Postgres again and again until cancelled; survives the loss of Postgres."""
        while True:
            try:
                await self._follow_in_session()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
                self._note_away(error)
            await asyncio.sleep(ASK_SECONDS)

    async def _follow_in_session(self) -> None:
        session = await LeaderSession.connect(self._database_url)
        try:
            while True:
                self._owners = frozenset(await list_disabled_users(session))
                self.are_known, self._is_away = True, False
                await asyncio.sleep(ASK_SECONDS)
        finally:
            session.close()

    def _note_away(self, error: Exception) -> None:
        if not self._is_away:
            log.warning("Postgres does not say which accounts are disabled", error=str(error) or type(error).__name__)
        self._is_away = True
