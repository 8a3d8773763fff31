"""Find out who a key is of."""

from __future__ import annotations

from headrace.client.connection import Call, Connection
from headrace.contracts.sessions import CurrentSession


class Accounts(Connection):
    """The part of `Client` for accounts."""

    async def who_am_i(self) -> CurrentSession:
        """Read whose the key is that requests are sent with, and what it allows.

        Raises:
            ProblemError: The API refused, for example because it does not accept the key.
            httpx.TransportError: The API does not answer.
        """
        return await self._ask(Call(method="GET", path="/session"), CurrentSession)
