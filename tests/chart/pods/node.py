"""A node: what runs of the objects of a namespace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.chart.pods.changes import Changes
from tests.chart.pods.deployment import Deployment
from tests.chart.pods.environment import service_links
from tests.chart.pods.job import Job
from tests.chart.pods.network import Network
from tests.chart.pods.objects import Objects, key_of
from tests.chart.pods.pod import Pod
from tests.chart.pods.scaling import ScaledObject
from tests.chart.pods.service import Service
from tests.chart.rendering import NAMESPACE, Manifest
from tests.waiting import until


class Node:
    """Runs what is applied to it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.network = Network()
        self.objects = Objects(NAMESPACE)
        self.changes = Changes()
        self.pods: list[Pod] = []
        self.deployments: dict[str, Deployment] = {}
        self.jobs: dict[str, Job] = {}
        self.services: dict[str, Service] = {}
        self.scaled: dict[str, ScaledObject] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._errors: list[BaseException] = []

    async def apply(self, manifest: Manifest) -> None:
        """Make an object, or change it."""
        kind, name = key_of(manifest)
        self.objects.put(manifest)
        match kind:
            case "Deployment" if name in self.deployments:
                self.deployments[name].change(manifest)
            case "Deployment":
                self.deployments[name] = Deployment(manifest, self)
            case "Job" if name not in self.jobs:
                self.jobs[name] = Job(manifest, self)
            case "Service" if name not in self.services:
                self.services[name] = Service(manifest, self)
                await self.services[name].open()
            case "ScaledObject":
                if name in self.scaled:
                    self.scaled[name].close()
                target = self.deployments[manifest["spec"]["scaleTargetRef"]["name"]]
                self.scaled[name] = ScaledObject(manifest, target, self)
            case _:
                pass
        self.changes.tell()

    async def delete(self, manifest: Manifest) -> None:
        """Remove an object and what runs of it; returns when it has ended."""
        kind, name = key_of(manifest)
        self.objects.remove(manifest)
        match kind:
            case "Deployment":
                await self.deployments.pop(name).delete()
            case "Job" if name in self.jobs:
                await self.jobs.pop(name).delete()
            case "Service":
                await self.services.pop(name).close()
            case "ScaledObject":
                self.scaled.pop(name).close()
            case _:
                pass

    def make_pod(self, name: str, template: dict[str, Any]) -> Pod:
        self.pods = [pod for pod in self.pods if not pod.has_ended]
        pod = Pod(name, template, self)
        self.pods.append(pod)
        return pod

    def service(self, name: str) -> Service:
        return self.services[name]

    def address_of_service(self, name: str, port: int) -> str | None:
        """Return where a Service has a port; None when there is no such Service."""
        return self.services[name].authority(port) if name in self.services else None

    def service_links(self) -> dict[str, str]:
        services = list(self.services.values())
        return service_links([each.manifest for each in services], {each.name: each.address for each in services})

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run something until the node is closed; an error of it is one of the test."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_end)
        return task

    async def rolled_out(self) -> None:
        """Wait until every Deployment has the pods that it is to have, all of them ready."""

        def everything() -> bool:
            return all(each.is_done for each in self.deployments.values())

        try:
            await self.until(everything, "the Deployments to be rolled out", 90)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.describe()}") from None

    async def until(self, condition: Any, what: str, patience: float = 30.0) -> Any:
        """Wait for a condition, or for an error of what runs here."""

        def held() -> Any:
            self.check()
            return condition()

        return await until(held, what, patience)

    def check(self) -> None:
        """Raise what has gone wrong in what runs here."""
        if self._errors:
            raise self._errors[0]

    def describe(self) -> str:
        """Say how every pod is, for people."""
        return "\n".join(pod.describe() for pod in self.pods)

    async def close(self) -> None:
        """End everything as quickly as it goes."""
        for scaled in self.scaled.values():
            scaled.close()
        await asyncio.gather(*(each.delete() for each in [*self.deployments.values(), *self.jobs.values()]))
        await asyncio.gather(*(each.close() for each in self.services.values()))
        await asyncio.gather(*(pod.delete() for pod in self.pods))
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.network.close()
        self.check()

    def _on_end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._errors.append(error)


@asynccontextmanager
async def node_at(place: Path) -> AsyncGenerator[Node]:
    """A node that nothing runs on yet; whatever runs on it at the end is ended."""
    node = Node(place)
    try:
        yield node
    finally:
        await node.close()
