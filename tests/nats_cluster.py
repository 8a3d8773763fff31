"""Three NATS servers that keep one log together, as in production. They behave differently from the embedded server in places."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

from headrace.embedded.nats import COLLECTOR, MAX_PAYLOAD_BYTES, EmbeddedNats, nats_server
from headrace.embedded.network import LOOPBACK, free_ports
from headrace.embedded.process import Process
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.client import open_client
from headrace.log.jetstream import JetStream, ProvisionError
from headrace.log.opening import open_log
from headrace.log.streams import provision_streams
from headrace.settings import Settings
from tests.accounts import make_administrator
from tests.cluster import Cluster
from tests.waiting import until

SERVERS = 3
STOP_SECONDS = 10.0
LAME_DUCK_SECONDS = 30  # the least that a server takes for it
LAME_DUCK_SECONDS_MAX = 60.0


class Place(NamedTuple):
    """Where a server listens, for clients and for the other servers.

    Attributes:
        address: Its address.
        port: The port for clients.
        route: The port for the other servers.
        monitor: The port that says how the server is.
        within: What its command begins with, where it runs on a host of its own.
    """

    address: str
    port: int
    route: int
    monitor: int
    within: tuple[str, ...] = ()


class NatsServer:
    """One of the three servers; it keeps its ports and its store for its life."""

    def __init__(self, directory: Path, at: Place, others: list[Place], token: str, sync: str) -> None:
        self.url = f"nats://{at.address}:{at.port}"
        self.monitor = f"http://{at.address}:{at.monitor}"
        self.name = directory.name
        self.directory = directory
        self._within = at.within
        self._config = directory / "nats-server.conf"
        self._process: Process | None = None
        directory.mkdir(parents=True)
        configuration: dict[str, Any] = {
            "server_name": directory.name,
            "listen": f"{at.address}:{at.port}",
            "http": f"{at.address}:{at.monitor}",
            "max_payload": MAX_PAYLOAD_BYTES,
            "authorization": {"token": token},
            "lame_duck_duration": f"{LAME_DUCK_SECONDS}s",
            "lame_duck_grace_period": "1s",
            "jetstream": {"store_dir": str(directory), "sync_interval": sync},
            "cluster": {
                "name": "headrace-test",
                "listen": f"{at.address}:{at.route}",
                "routes": [f"nats://{each.address}:{each.route}" for each in others],
            },
        }
        self._config.write_text(json.dumps(configuration))

    @property
    def pid(self) -> int | None:
        """The pid of the server while it runs, None otherwise."""
        return self._process.pid if self._process is not None and self._process.running else None

    async def start(self) -> None:
        """Start it; does nothing when it runs."""
        if self.pid is None:
            command = (*self._within, nats_server(), "-c", str(self._config))
            self._process = await Process.start(command, environ={**os.environ, **COLLECTOR})

    async def kill(self) -> None:
        """Kill the server as a crash would."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop(STOP_SECONDS)

    async def end_as_lame_duck(self) -> None:
        """Have it give up what it leads, send its clients away one after the other, and end."""
        if self._process is not None:
            self._process.send(signal.SIGUSR2)
            await self._process.finish(LAME_DUCK_SECONDS_MAX)


class NatsCluster:
    """The three servers. ``url`` names each, so that clients find another when theirs is gone.

    Args:
        place: Where their stores are.
        places: Where they listen; ports of this machine when None.
        sync: How often they flush their stores.
    """

    def __init__(self, place: Path, places: list[Place] | None = None, sync: str = "1s") -> None:
        ports = iter(free_ports(3 * SERVERS))
        at = places or [Place(LOOPBACK, *each) for each in zip(ports, ports, ports, strict=True)]
        self.token = secrets.token_hex(8)
        self.servers = [
            NatsServer(place / f"nats-{number}", each, [other for other in at if other is not each], self.token, sync)
            for number, each in enumerate(at)
        ]
        self.url = ",".join(server.url for server in self.servers)

    def settings(self, server: int | None = None, **environ: str) -> Settings:
        """Settings that reach all servers, or only one of them."""
        url = self.url if server is None else self.servers[server].url
        return Settings.read(
            {
                "HEADRACE_NATS_URL": url,
                "HEADRACE_NATS_TOKEN": self.token,
                "HEADRACE_STREAM_REPLICAS": str(SERVERS),
                **environ,
            }
        )

    async def start(self) -> None:
        """Start those that do not run, and wait until they have a log."""
        for server in self.servers:
            await server.start()
        await until(self._have_a_log, "the servers to agree on who leads")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(server.stop() for server in self.servers))

    async def _have_a_log(self) -> bool:
        settings = self.settings()
        try:
            async with open_client(settings.nats, "test") as connection:
                await provision_streams(JetStream(connection), settings.stream)
        except (LogUnavailable, ProvisionError):
            return False
        return True


class ReplicatedCluster(Cluster):
    """A cluster whose log has three copies."""

    def __init__(self, place: Path, nats: NatsCluster, database_url: str, environ: dict[str, str]) -> None:
        self.servers = nats
        super().__init__(
            place, cast("EmbeddedNats", nats), database_url, {"HEADRACE_STREAM_REPLICAS": str(SERVERS), **environ}
        )

    @property
    def nats_pids(self) -> list[int]:
        """The pids of the servers that run."""
        return [server.pid for server in self.servers.servers if server.pid is not None]

    async def copies(self) -> dict[str, dict[str, int]]:
        """How much of the log each server has, as it says itself."""
        return {server.name: await self._copy_of(server) for server in self.servers.servers}

    async def _copy_of(self, server: NatsServer) -> dict[str, int]:
        answer = await self.http.get(f"{server.monitor}/jsz", params={"streams": "true", "accounts": "true"})
        streams = (each for account in answer.json()["account_details"] for each in account["stream_detail"])
        state = next(each["state"] for each in streams if each["name"] == subjects.STREAM)
        return {name: state[name] for name in ("messages", "bytes", "first_seq", "last_seq")}


@asynccontextmanager
async def replicated_cluster_on(
    place: Path, database_url: str, nats: NatsCluster | None = None, **environ: str
) -> AsyncGenerator[ReplicatedCluster]:
    """Like `tests.cluster.cluster_on`, but with a log of three copies."""
    async with nats or NatsCluster(place) as servers:
        cluster = ReplicatedCluster(place, servers, database_url, environ)
        await make_administrator(database_url)
        async with open_log(cluster.settings, "test") as cluster.log:
            await cluster.log.continuity.is_compared()
            await cluster.log.continuity.mark_compared()
            try:
                yield cluster
            finally:
                await cluster.close()
