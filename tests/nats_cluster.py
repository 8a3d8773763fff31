"""Three NATS servers that keep one log together, as in production. They behave differently from the embedded server in places."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, cast

from headrace.embedded.nats import MAX_PAYLOAD_BYTES, EmbeddedNats, nats_server
from headrace.embedded.network import LOOPBACK, free_ports
from headrace.embedded.process import Process
from headrace.errors import LogUnavailable
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


class NatsServer:
    """One of the three servers; it keeps its ports and its store for its life."""

    def __init__(self, directory: Path, port: int, route: int, routes: list[int], token: str) -> None:
        self.url = f"nats://{LOOPBACK}:{port}"
        self.name = directory.name
        self._config = directory / "nats-server.conf"
        self._process: Process | None = None
        directory.mkdir(parents=True)
        configuration: dict[str, Any] = {
            "server_name": directory.name,
            "listen": f"{LOOPBACK}:{port}",
            "max_payload": MAX_PAYLOAD_BYTES,
            "authorization": {"token": token},
            "jetstream": {"store_dir": str(directory), "sync_interval": "1s"},
            "cluster": {
                "name": "headrace-test",
                "listen": f"{LOOPBACK}:{route}",
                "routes": [f"nats://{LOOPBACK}:{each}" for each in routes if each != route],
            },
        }
        self._config.write_text(json.dumps(configuration))

    async def start(self) -> None:
        self._process = await Process.start((nats_server(), "-c", str(self._config)))

    async def kill(self) -> None:
        """Kill the server as a crash would."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        if self._process is not None:
            await self._process.stop(STOP_SECONDS)


class NatsCluster:
    """The three servers. ``url`` names each, so that clients find another when theirs is gone."""

    def __init__(self, place: Path) -> None:
        ports = free_ports(2 * SERVERS)
        routes = ports[SERVERS:]
        self.token = secrets.token_hex(8)
        self.servers = [
            NatsServer(place / f"nats-{number}", ports[number], routes[number], routes, self.token)
            for number in range(SERVERS)
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

    async def __aenter__(self) -> Self:
        for server in self.servers:
            await server.start()
        await until(self._have_a_log, "the servers to agree on who leads")
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


@asynccontextmanager
async def replicated_cluster_on(place: Path, database_url: str, **environ: str) -> AsyncGenerator[Cluster]:
    """Like `tests.cluster.cluster_on`, but with a log of three copies."""
    async with NatsCluster(place) as nats:
        environ = {"HEADRACE_STREAM_REPLICAS": str(SERVERS), **environ}
        cluster = Cluster(place, cast("EmbeddedNats", nats), database_url, environ)
        await make_administrator(database_url)
        async with open_log(cluster.settings, "test") as cluster.log:
            await cluster.log.continuity.is_compared()
            await cluster.log.continuity.mark_compared()
            try:
                yield cluster
            finally:
                await cluster.close()
