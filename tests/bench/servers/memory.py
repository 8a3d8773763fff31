"""What a client costs that is told nothing."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from tests.bench.client.plans import Hold
from tests.bench.load import load
from tests.bench.processes import at_rest
from tests.bench.servers.server import Server

OPEN_SECONDS = 200.0  # for all of them to connect, and to be followed


class Memory(NamedTuple):
    """Resident set sizes by process, in bytes, with no client and with so many; the process with the streams is first."""

    clients: int
    before: dict[str, int]
    after: dict[str, int]

    @property
    def kilobytes_each(self) -> dict[str, float]:
        """What each process grew by, for one client."""
        return {name: (self.after[name] - size) / self.clients / 1e3 for name, size in self.before.items()}

    @property
    def streams(self) -> float:
        """That of the process with the streams."""
        return next(iter(self.kilobytes_each.values()))


async def memory_of_idle(server: Server, clients: int, seconds: float) -> Memory:
    """Resident set sizes at rest, and when all clients have followed for so long; signs of life that they get count."""
    await at_rest(server.cpu_seconds)
    before = server.resident_bytes()
    after: dict[str, int] = {}

    async def look() -> None:
        await server.followed_by(clients)
        await asyncio.sleep(seconds)  # this is the time that is measured
        after.update(server.resident_bytes())

    plan = Hold(
        port=server.port,
        path=server.path,
        clients=clients,
        seconds=seconds + OPEN_SECONDS,
        separator=server.separator,
    )
    await load(plan, look)
    await at_rest(server.cpu_seconds)  # that they all go is work as well
    return Memory(clients, before, after)
