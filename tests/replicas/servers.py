"""Three NATS servers, each a host of its own network, configured as `docs/nats-accounts.conf` says for production."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import urllib.request
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from headrace.embedded.child_environ import environ_of_servers
from headrace.embedded.nats import COLLECTOR, MAX_MEMORY_STORE_BYTES, MAX_PAYLOAD_BYTES, EmbeddedNats, nats_server
from headrace.embedded.process import Process
from headrace.errors import HeadraceError
from headrace.log.client import open_client
from headrace.log.jetstream import JetStream, ProvisionError
from headrace.log.opening import open_log
from headrace.log.permissions import SYSTEM, USERS, users_config
from headrace.log.provisioning import provision
from headrace.log.streams import STREAMS
from headrace.settings import Settings
from tests.accounts import make_administrator
from tests.cluster import TESTER, Cluster
from tests.replicas.network import Host, Network, run
from tests.waiting import until

CLIENTS, ROUTES, MONITOR = 4222, 6222, 8222
STOP_SECONDS = 10.0
READY_SECONDS = 60.0
HEALTH_SECONDS = 2.0
LAME_DUCK = {"lame_duck_grace_period": "2s", "lame_duck_duration": "30s"}  # the shortest that nats-server takes
PASSWORD = "test"


class Server:
    """One of the servers. It keeps its name, its address and, unless it is replaced, its store for its life."""

    def __init__(self, number: int, host: Host, directory: Path) -> None:
        self.name = f"nats-{number}"
        self.host = host
        self.store = directory / self.name
        self.url = f"nats://{host.address}:{CLIENTS}"
        self._config = directory / f"{self.name}.conf"
        self._process: Process | None = None
        self._is_small_disk = False
        self.lines: list[str] = []

    @property
    def pid(self) -> int | None:
        """The pid of the server while it runs."""
        return self._process.pid if self._process is not None and self._process.running else None

    def configure(self, hosts: Sequence[Host], sync: str) -> None:
        """Write its configuration."""
        users = [*users_config(dict.fromkeys(USERS, PASSWORD)), {"user": TESTER, "password": PASSWORD}]
        configuration: dict[str, Any] = {
            "server_name": self.name,
            "listen": f"0.0.0.0:{CLIENTS}",
            "http": f"0.0.0.0:{MONITOR}",
            "max_payload": MAX_PAYLOAD_BYTES,
            "jetstream": {
                "store_dir": str(self.store),
                "sync_interval": sync,
                "max_file_store": 1 << 40,
                "max_memory_store": MAX_MEMORY_STORE_BYTES,
            },
            "accounts": {
                "HEADRACE": {"jetstream": "enabled", "users": users},
                "SYS": {"users": [{"user": SYSTEM, "password": PASSWORD}]},
            },
            "system_account": "SYS",
            "cluster": {
                "name": "headrace",
                "listen": f"0.0.0.0:{ROUTES}",
                "routes": [f"nats://{each.address}:{ROUTES}" for each in hosts],
            },
            **LAME_DUCK,
        }
        self._config.write_text(json.dumps(configuration, indent=2))

    async def start(self) -> None:
        """Start it; does nothing when it runs."""
        if self.pid is None:
            self.store.mkdir(parents=True, exist_ok=True)
            command = (*self.host.prefix, nats_server(), "-c", str(self._config))
            environ = {**COLLECTOR, **environ_of_servers(os.environ)}
            self._process = await Process.start(command, environ=environ, on_line=self.lines.append)

    async def kill(self) -> None:
        """Kill it as a crash would."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end."""
        if self._process is not None:
            await self._process.stop(STOP_SECONDS)

    async def retire(self) -> None:
        """Have it hand over what it leads and its clients, and end (lame duck), as the chart of NATS does before it ends a pod."""
        assert self._process is not None
        self._process.send(signal.SIGUSR2)
        await self._process.finish(READY_SECONDS)

    async def replace_store(self) -> None:
        """Take its store away: its next process begins without anything, under the same name."""
        await asyncio.to_thread(shutil.rmtree, self.store)

    async def give_small_disk(self, size: int) -> None:
        """Let its store be a file system of so many bytes."""
        self.store.mkdir(parents=True, exist_ok=True)
        await run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.store))
        self._is_small_disk = True

    async def enlarge_disk(self, size: int) -> None:
        """Let its file system have more bytes."""
        await run("mount", "-o", f"remount,size={size}", str(self.store))

    async def take_disk_away(self) -> None:
        """Unmount its file system, if it has one of its own."""
        if self._is_small_disk:
            await run("umount", "--lazy", str(self.store))
            self._is_small_disk = False

    async def is_healthy(self) -> bool:
        """Whether it says that it has caught up with what it keeps."""
        try:
            return (await self.monitored("/healthz"))["status"] == "ok"
        except OSError:
            return False

    async def monitored(self, path: str) -> dict[str, Any]:
        """What its monitoring port says.

        Raises:
            OSError: It does not answer.
        """

        def ask() -> dict[str, Any]:
            with urllib.request.urlopen(
                f"http://{self.host.address}:{MONITOR}{path}", timeout=HEALTH_SECONDS
            ) as answer:
                return json.load(answer)

        return await asyncio.to_thread(ask)


class Servers:
    """The three of them.

    Args:
        place: Where their stores are.
        network: What they are connected by; a host for each server.
        sync: When they flush their stores to the disk, see `sync_interval` of nats-server.
        count: How many of them there are.
    """

    def __init__(self, place: Path, network: Network, sync: str, count: int = 3) -> None:
        self.network = network
        self.servers = [Server(number, host, place) for number, host in enumerate(network.hosts[:count])]
        self.url = ",".join(server.url for server in self.servers)
        self.token = None
        place.mkdir(parents=True, exist_ok=True)
        for server in self.servers:
            server.configure([each.host for each in self.servers], sync)

    @property
    def pids(self) -> dict[str, int | None]:
        """The pids of those that run, by name."""
        return {server.name: server.pid for server in self.servers}

    def settings(self, user: str = TESTER) -> Settings:
        """The settings of a client."""
        return Settings.read(
            {
                "HEADRACE_NATS_URL": self.url,
                "HEADRACE_NATS_USER": user,
                "HEADRACE_NATS_PASSWORD": PASSWORD,
                "HEADRACE_STREAM_REPLICAS": str(len(self.servers)),
            }
        )

    async def start(self) -> None:
        """Let everything pass, and start those that do not run."""
        await self.network.heal()
        for server in self.servers:
            await server.start()

    async def leader(self, stream: str) -> Server:
        """The server that leads a stream."""

        async def found() -> Server | None:
            name = (await self.stream_info(stream)).get("cluster", {}).get("leader")
            return next((server for server in self.servers if server.name == name), None)

        return await until(found, f"a leader of {stream}")

    async def stream_info(self, stream: str) -> dict[str, Any]:
        """What JetStream says of a stream; empty when it says nothing."""
        with suppress(HeadraceError):
            async with open_client(self.settings().nats, "test") as connection:
                return await JetStream(connection).request(f"STREAM.INFO.{stream}")
        return {}

    async def are_whole(self) -> bool:
        """Whether every server has everything of every stream."""
        if not all([await server.is_healthy() for server in self.servers]):
            return False
        for stream in STREAMS:
            info = await self.stream_info(stream)
            copies = info.get("cluster", {}).get("replicas", [])
            if len(copies) != len(self.servers) - 1 or not all(
                each["current"] and not each.get("lag") for each in copies
            ):
                return False
        return True

    async def __aenter__(self) -> Self:
        await self.start()
        await until(self._provisioned, "the servers to agree on who leads", READY_SECONDS)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.network.heal()
        await asyncio.gather(*(server.kill() for server in self.servers))
        for server in self.servers:
            await server.take_disk_away()

    async def _provisioned(self) -> bool:
        try:
            await provision(self.settings())
        except (HeadraceError, ProvisionError):
            return False
        return True


@asynccontextmanager
async def replicated_cluster(place: Path, database_url: str, sync: str, **environ: str) -> AsyncGenerator[Cluster]:
    """Like `tests.cluster.cluster_on`, with servers in networks of their own."""
    async with Network(3) as network, Servers(place / "nats", network, sync) as servers:
        given = {"HEADRACE_STREAM_REPLICAS": str(len(servers.servers)), **environ}
        cluster = Cluster(place, cast("EmbeddedNats", servers), database_url, given, PASSWORD)
        await make_administrator(database_url)
        async with open_log(cluster.settings, "test") as cluster.log:
            await cluster.log.continuity.is_compared()
            await cluster.log.continuity.mark_compared()
            try:
                yield cluster
            finally:
                await cluster.close()
