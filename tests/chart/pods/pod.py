"""A pod: its containers from their start to their end."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chart.pods.container import Container
from tests.chart.pods.environment import environment_of, expand
from tests.chart.pods.objects import NotThereError
from tests.chart.pods.rewriting import Rewriting
from tests.chart.pods.volumes import make_volumes, mounts_of
from tests.waiting import until

if TYPE_CHECKING:
    from tests.chart.pods.node import Node

GRACE_SECONDS = 30  # the default of terminationGracePeriodSeconds
# A kubelet waits 10 s before the second restart, and twice as long each time up to five minutes.
BACK_OFF_SECONDS = 0.5
READING_SECONDS = 5.0  # until all that an ended process has written is read
BACK_OFF_SECONDS_MAX = 8.0


class Pod:
    """One pod.

    Attributes:
        phase: As Kubernetes calls it: Pending, Running, Succeeded or Failed.
        is_terminating: Whether it was deleted, and may still have processes.
        waits_for: Why its containers cannot be started, in words.
    """

    def __init__(self, name: str, template: dict[str, Any], node: Node) -> None:
        self.name = name
        self.labels: dict[str, str] = template["metadata"].get("labels", {})
        self.annotations: dict[str, str] = template["metadata"].get("annotations", {})
        self.spec: dict[str, Any] = template["spec"]
        self.phase = "Pending"
        self.is_terminating = False
        self.waits_for = ""
        self.address = node.network.take()
        self.grace: float = self.spec.get("terminationGracePeriodSeconds", GRACE_SECONDS)
        self.init = [self._container(each, node) for each in self.spec.get("initContainers", [])]
        self.containers = [self._container(each, node) for each in self.spec["containers"]]
        self._node = node
        self._place: Path = node.place / "pods" / name
        self._volumes: dict[str, Path] = {}
        self._restart: str = self.spec.get("restartPolicy", "Always")
        self._ended = asyncio.Event()
        self._running = node.spawn(self._run(), f"pod {name}")

    @property
    def is_ready(self) -> bool:
        return self.phase == "Running" and all(each.is_ready for each in self.containers)

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    @property
    def restarts(self) -> int:
        return sum(each.restarts for each in [*self.init, *self.containers])

    @property
    def lines(self) -> list[str]:
        """What its containers have written."""
        return [line for each in [*self.init, *self.containers] for line in each.lines]

    def describe(self) -> str:
        """Say how it is, for people."""
        said = [f"{each.name}: {each.said}" for each in self.containers if each.said]
        state = "ready" if self.is_ready else "not ready"
        end = "\n".join(self.lines[-12:])
        return f"{self.name} {self.phase} {state}, {self.restarts} restarts {self.waits_for} {said}\n{end}"

    async def until_ready(self) -> None:
        await until(lambda: self.is_ready, f"{self.name} to be ready: {self.describe()}")

    def begin_to_end(self) -> None:
        """Delete it: it gets no more requests, and its processes are ended."""
        if not self.is_terminating:
            self.is_terminating = True
            self._node.changes.tell()
            self._node.spawn(self._end(), f"end of {self.name}")

    async def delete(self) -> None:
        """Delete it, and return when it has gone."""
        self.begin_to_end()
        await self._ended.wait()

    async def ended(self) -> str:
        """Wait until it has ended, and return its phase."""
        await self._ended.wait()
        return self.phase

    async def _end(self) -> None:
        containers = [*self.init, *self.containers]
        if any(await asyncio.gather(*(each.end(self.grace) for each in containers))):
            await asyncio.wait([self._running], timeout=READING_SECONDS)
        self._running.cancel()
        await asyncio.wait([self._running])
        # One that was started meanwhile.
        await asyncio.gather(*(each.end(0) for each in containers))
        self._forget()

    def _container(self, spec: dict[str, Any], node: Node) -> Container:
        return Container(spec, self.grace, node.changes.tell)

    async def _run(self) -> None:
        try:
            codes = [await self._keep(each) for each in self.init]
            if not any(codes):
                self._set("Running")
                codes = await asyncio.gather(*(self._keep(each) for each in self.containers))
            self._set("Failed" if any(codes) else "Succeeded")
        finally:
            if not self.is_terminating:
                self._forget()

    def _forget(self) -> None:
        if not self._ended.is_set():
            self._ended.set()
            self._node.network.give_back(self.address)
            shutil.rmtree(self._place, ignore_errors=True)
            self._node.changes.tell()

    async def _keep(self, container: Container) -> int:
        """Run a container, again and again where the restart policy says so, and return its exit code."""
        for attempt in range(1_000_000):
            # The first restart comes at once.
            if attempt > 1:
                await asyncio.sleep(min(BACK_OFF_SECONDS * 2 ** (attempt - 2), BACK_OFF_SECONDS_MAX))
            if self.is_terminating:
                return 1
            await self._start(container)
            code = await container.run()
            if self.is_terminating or not self._starts_again(container, code):
                return code
            container.restarts += 1
        raise AssertionError

    def _starts_again(self, container: Container, code: int) -> bool:
        if self._restart == "Always" and container in self.containers:
            return True
        return self._restart != "Never" and code != 0

    async def _start(self, container: Container) -> None:
        while True:
            try:
                self._volumes = make_volumes(self.spec, self._place, self._node.objects)
                arguments, environ = self._told(container)
            except NotThereError as error:
                self.waits_for = str(error)
                await self._node.changes.wait()
            else:
                self.waits_for = ""
                await container.start(arguments, environ, self.address)
                return

    def _told(self, container: Container) -> tuple[list[str], dict[str, str]]:
        fields = {
            "metadata.name": self.name,
            "metadata.namespace": self._node.objects.namespace,
            "status.podIP": self.address,
            "spec.nodeName": "node",
        }
        links = self._node.service_links()
        environ = environment_of(self.spec, container.spec, self._node.objects, fields, links)
        mounts = mounts_of(container.spec, self._volumes)
        ports = frozenset(container.ports.values())
        rewrite = Rewriting(self._node.place, self.address, ports, mounts, self._node.address_of_service)
        # Links were given by the node itself.
        told = {name: text if links.get(name) == text else rewrite(text) for name, text in environ.items()}
        if "/tmp" in mounts:
            told["TMPDIR"] = str(mounts["/tmp"])
        return [rewrite(expand(each, environ)) for each in container.spec.get("args", [])], told

    def _set(self, phase: str) -> None:
        self.phase = phase
        self._node.changes.tell()
