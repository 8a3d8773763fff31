"""A Service: a TCP port whose connections go round the pods that are ready."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.chart.pods.network import port_to_listen_on
from tests.chart.pods.objects import selects
from tests.chart.pods.pod import Pod

if TYPE_CHECKING:
    from tests.chart.pods.node import Node

CHUNK_BYTES = 1 << 16
# The time from the end of a pod, or of its readiness, until every node has heard of it and sends it nothing more.
FORGETTING_SECONDS = 1.0

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Service:
    """One Service. It learns of a pod that is ready at once, and goes on sending connections to one that is not for a second."""

    def __init__(self, manifest: dict[str, Any], node: Node) -> None:
        self.name: str = manifest["metadata"]["name"]
        self.address = node.network.take()
        self.manifest = manifest
        self._node = node
        self._pods: list[Pod] = []
        self._turn = 0
        self._ports: dict[int, int] = {}
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._following = node.spawn(self._follow(), f"service {self.name}")

    def url(self, port: int | str = "http") -> str:
        """Return where a port of it is, by its number or its name."""
        return f"http://{self.authority(self._number(port))}"

    def authority(self, port: int) -> str:
        return f"{self.address}:{self._ports[port]}"

    @property
    def pods(self) -> list[Pod]:
        """The pods that it sends connections to."""
        return self._pods

    async def open(self) -> None:
        """Listen on its ports."""
        for each in self.manifest["spec"]["ports"]:
            listening = port_to_listen_on(self.address, each["port"])
            self._ports[each["port"]] = listening
            accept = partial(self._accept, each["targetPort"])
            self._servers.append(await asyncio.start_server(accept, self.address, listening))

    async def close(self) -> None:
        self._following.cancel()
        for server in self._servers:
            server.close()
        for each in self._connections:
            each.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        self._node.network.give_back(self.address)

    async def connect(self, port: int | str) -> Ends | None:
        """Connect to one of the pods; None when there is none, or it refuses."""
        target = next(
            each["targetPort"] for each in self.manifest["spec"]["ports"] if port in (each["port"], each["name"])
        )
        return await self._connect(target)

    def _number(self, port: int | str) -> int:
        return next(each["port"] for each in self.manifest["spec"]["ports"] if port in (each["port"], each.get("name")))

    async def _follow(self) -> None:
        while True:
            now = [pod for pod in self._node.pods if self._wants(pod)]
            self._pods += [pod for pod in now if pod not in self._pods]
            for pod in self._pods:
                if pod not in now:
                    asyncio.get_running_loop().call_later(FORGETTING_SECONDS, self._forget, pod)
            await self._node.changes.wait()

    def _wants(self, pod: Pod) -> bool:
        return pod.is_ready and not pod.is_terminating and selects(self.manifest["spec"]["selector"], pod.labels)

    def _forget(self, pod: Pod) -> None:
        if pod in self._pods and not self._wants(pod):
            self._pods.remove(pod)

    async def _accept(self, target: int | str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            far = await self._connect(target)
            if far is None:
                writer.transport.abort()
            else:
                await join((reader, writer), far)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._connections.discard(task)

    async def _connect(self, target: int | str) -> Ends | None:
        if not self._pods:
            return None
        self._turn += 1
        pod = self._pods[self._turn % len(self._pods)]
        port = (
            target
            if isinstance(target, int)
            else next(each.ports[target] for each in pod.containers if target in each.ports)
        )
        try:
            return await asyncio.open_connection(pod.address, port)
        except OSError:
            return None


async def join(near: Ends, far: Ends) -> None:
    """Pass bytes on both ways until both ends have nothing more to say."""
    try:
        await asyncio.gather(_pass(near[0], far[1]), _pass(far[0], near[1]))
    finally:
        for _, writer in (near, far):
            writer.transport.abort()


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await source.read(CHUNK_BYTES):
            sink.write(some)
            await sink.drain()
        sink.write_eof()
