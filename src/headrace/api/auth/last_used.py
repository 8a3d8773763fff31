"""When keys were last used and users last seen: noted at each request, and written about once a minute."""

from __future__ import annotations

import asyncio
import itertools

from headrace.api.identity_database import WORK_SECONDS, IdentityDatabase
from headrace.identity.principals import Principal
from headrace.identity_errors import IdentityUnavailable
from headrace.log import clock
from headrace.store.api_keys import note_used
from headrace.store.users import note_seen

WRITE_SECONDS = 60.0
CREDENTIALS_MAX = 50_000  # noted between two writes; of more than these, the time is written when they are used again
ROWS = 1000  # in one transaction

_KEY = "key:"


class LastUsed:
    """The credentials that were used in this process since the last write.

    Args:
        database: Where the times are written.
    """

    def __init__(self, database: IdentityDatabase) -> None:
        self._database = database
        # The owner of each credential.
        self._noted: dict[str, str] = {}

    def note(self, principal: Principal) -> None:
        """Note that a credential was just used."""
        if len(self._noted) < CREDENTIALS_MAX:
            self._noted[principal.credential] = principal.id

    async def write_regularly(self) -> None:
        """Write what was noted every minute, until this is cancelled."""
        while True:
            await asyncio.sleep(WRITE_SECONDS)
            try:
                await self.write()
            except IdentityUnavailable:
                # The database has logged why. What is still used in a minute is noted then.
                self._noted.clear()

    async def write(self) -> None:
        """Write what was noted.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        noted, self._noted = self._noted, {}
        keys = (credential.removeprefix(_KEY) for credential in noted if credential.startswith(_KEY))
        users = iter({*noted.values()})
        now = clock.now()
        while some := list(itertools.islice(keys, ROWS)):
            async with self._database.transaction(WORK_SECONDS) as session:
                await note_used(session, some, now)
        while some := list(itertools.islice(users, ROWS)):
            async with self._database.transaction(WORK_SECONDS) as session:
                await note_seen(session, some, now)
