"""Kinds: what can be submitted."""

from __future__ import annotations

from headrace.client.connection import Call, Connection, path
from headrace.contracts.kinds import CatalogEntry, KindList


class Kinds(Connection):
    """What a client does with kinds."""

    async def kinds(self) -> list[CatalogEntry]:
        """The kinds of task that can be submitted, by name.

        Raises:
            ProblemError: the API refused.
            httpx.TransportError: no answer.
        """
        return (await self._ask(Call(method="GET", path="/kinds"), KindList)).items

    async def pause(self, kind: str) -> CatalogEntry:
        """Have no more tasks of a kind started until it is resumed; they are still accepted, and what runs goes on.

        Raises:
            ProblemError: there is no such kind, or no worker ever ran it.
            httpx.TransportError: no answer.
        """
        return await self._ask(Call(method="PUT", path=path("kinds", kind, "pause"), repeatable=True), CatalogEntry)

    async def resume(self, kind: str) -> CatalogEntry:
        """Have tasks of a paused kind started again.

        Raises:
            ProblemError: there is no such kind, or no worker ever ran it.
            httpx.TransportError: no answer.
        """
        return await self._ask(Call(method="DELETE", path=path("kinds", kind, "pause"), repeatable=True), CatalogEntry)
