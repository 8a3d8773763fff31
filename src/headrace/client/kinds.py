"""List, pause and resume kinds."""

from __future__ import annotations

from headrace.client.connection import Call, Connection, path
from headrace.contracts.kinds import CatalogEntry, KindList


class Kinds(Connection):
    """The part of `Client` for kinds."""

    async def kinds(self) -> list[CatalogEntry]:
        """List the kinds of task that can be submitted, ordered by name.

        Raises:
            ProblemError: The API refused.
            httpx.TransportError: The API does not answer.
        """
        return (await self._ask(Call(method="GET", path="/kinds"), KindList)).items

    async def pause(self, kind: str) -> CatalogEntry:
        """Pause a kind: its tasks are still accepted and running ones go on, but none is started until it is resumed.

        Raises:
            ProblemError: There is no such kind, or no worker ever ran it.
            httpx.TransportError: The API does not answer.
        """
        return await self._ask(Call(method="PUT", path=path("kinds", kind, "pause"), repeatable=True), CatalogEntry)

    async def resume(self, kind: str) -> CatalogEntry:
        """Resume a paused kind, so that its tasks are started again.

        Raises:
            ProblemError: There is no such kind, or no worker ever ran it.
            httpx.TransportError: The API does not answer.
        """
        return await self._ask(Call(method="DELETE", path=path("kinds", kind, "pause"), repeatable=True), CatalogEntry)
