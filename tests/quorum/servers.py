"""Three NATS servers on hosts of their own, which write to the disk before they acknowledge, as production has it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.nats_cluster import SERVERS, NatsCluster, NatsServer, Place, ReplicatedCluster, replicated_cluster_on
from tests.quorum.network import Host, Network

CLIENT_PORT, ROUTE_PORT, MONITOR_PORT = 4222, 6222, 8222  # those of NATS itself; each host has all ports to itself


class Quorum(NatsCluster):
    """The servers and the network between them.

    Args:
        place: Where their stores are.
        network: The network, with a host for each server; those beyond are for whoever is to be cut off from the servers.
        sync: How often they flush their stores.

    Attributes:
        network: The network.
        spare: The hosts beyond.
    """

    def __init__(self, place: Path, network: Network, sync: str = "always") -> None:
        at = [
            Place(host.address, CLIENT_PORT, ROUTE_PORT, MONITOR_PORT, host.within) for host in network.hosts[:SERVERS]
        ]
        super().__init__(place, at, sync)
        self.network = network
        self.spare = network.hosts[SERVERS:]

    def host(self, server: NatsServer) -> Host:
        """The host that a server runs on."""
        return self.network.hosts[self.servers.index(server)]

    def others(self, server: NatsServer) -> list[NatsServer]:
        """The servers besides one."""
        return [other for other in self.servers if other is not server]

    async def start(self) -> None:
        """Mend the network, start the servers that do not run, and wait until they have a log."""
        self.network.heal()
        await super().start()


@asynccontextmanager
async def quorum_on(place: Path, database_url: str, **environ: str) -> AsyncGenerator[ReplicatedCluster]:
    """A cluster whose log is on three hosts, with one more host to spare."""
    with Network(SERVERS + 1) as network:
        async with replicated_cluster_on(place, database_url, Quorum(place, network), **environ) as cluster:
            yield cluster
