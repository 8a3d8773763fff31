"""Find out who a key is of."""

from __future__ import annotations

from msgspec import Struct

from headrace.client.connection import Call, Connection
from headrace.contracts.identity import User


class Me(Struct, frozen=True):
    """Who makes a request."""

    user: User


class Accounts(Connection):
    """The part of `Client` for accounts."""

    async def who_am_i(self) -> Me:
        """Read whose the key is that requests are sent with.

        Raises:
            ProblemError: The API refused, for example because it does not accept the key.
            httpx.TransportError: The API does not answer.
        """
        return await self._ask(Call(method="GET", path="/session"), Me)
