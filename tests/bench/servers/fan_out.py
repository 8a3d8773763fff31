"""Numbered lines at a rate, to many clients."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from tests.bench.client.plans import Follow, FollowResult, Latencies
from tests.bench.load import load
from tests.bench.processes import at_rest
from tests.bench.servers.server import Server
from tests.bench.servers.writing import write_paced

RATES = (10, 40)  # events per second to each client
WARM_UP_CLIENTS = 10
WARM_UP_PER_SECOND = 20
WARM_UP_PATIENCE_SECONDS = 10.0


class FanOut(NamedTuple):
    """What was measured: deliveries, and the CPU time that each process took for one of them."""

    clients: int
    per_second: int
    result: FollowResult
    cpu_microseconds: dict[str, float]

    @property
    def name(self) -> str:
        """What it is called in the table."""
        return f"{self.clients:,} clients x {self.per_second} events/s"

    @property
    def latencies(self) -> Latencies:
        """From writing to reading."""
        return self.result.latencies

    @property
    def deliveries_per_second(self) -> float:
        """Up to the last reading; a line's time is until the next is due."""
        return self.latencies.count / (self.result.seconds + 1 / self.per_second)

    @property
    def cpu(self) -> str:
        """The CPU time as text, the largest first."""
        parts = sorted(self.cpu_microseconds.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {used:.1f}" for name, used in parts if used >= 0.1)

    def detail(self) -> dict[str, Any]:
        """Everything, for the JSON."""
        return {
            **msgspec.to_builtins(self.result),
            "deliveries_per_second": self.deliveries_per_second,
            "cpu_microseconds": self.cpu_microseconds,
        }


async def fan_out(
    server: Server, clients: int, per_second: int, seconds: float, patience: float, *, other_path: str = ""
) -> FanOut:
    """Write for so many seconds; what clients do not have ``patience`` seconds after that is missing.

    Every second client follows ``other_path``, if there is one.
    """
    await at_rest(server.cpu_seconds)  # the clients before are gone
    await server.followed_by(0)
    lines = int(per_second * seconds)
    plan = Follow(
        port=server.port,
        path=server.path,
        other_path=other_path,
        clients=clients,
        lines=lines,
        seconds=seconds + patience,
        ids=server.ids,
        separator=server.separator,
    )
    before: dict[str, float] = {}

    async def write() -> None:
        await server.followed_by(clients)
        before.update(server.cpu_seconds())
        await write_paced(server, range(lines), per_second)

    result = await load(plan, write)
    assert isinstance(result, FollowResult)
    used = {name: spent - before.get(name, 0) for name, spent in server.cpu_seconds().items()}
    used["client"] = result.cpu_seconds
    each = {name: round(spent / result.latencies.count * 1e6, 2) for name, spent in used.items()}
    return FanOut(clients, per_second, result, each)


async def warm_up(server: Server) -> None:
    """A few clients and lines, so that every path was taken once before it is measured."""
    await fan_out(server, WARM_UP_CLIENTS, WARM_UP_PER_SECOND, 1, WARM_UP_PATIENCE_SECONDS)
