"""A Deployment: as many pods of its template as it says, and the way from one template to the next."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from typing import TYPE_CHECKING, Any

from tests.chart.pods.pod import Pod

if TYPE_CHECKING:
    from tests.chart.pods.node import Node

HASH = "pod-template-hash"
_numbers = itertools.count(1)


class Deployment:
    """One Deployment.

    Attributes:
        replicas: How many pods there are to be, also when something scales it.
        pods: All that there are, those that are ending included.
    """

    def __init__(self, manifest: dict[str, Any], node: Node) -> None:
        self.name: str = manifest["metadata"]["name"]
        self.replicas = 1
        self.pods: list[Pod] = []
        self._node = node
        self.change(manifest)
        self._task = node.spawn(self._keep(), f"deployment {self.name}")

    def change(self, manifest: dict[str, Any]) -> None:
        """Take another manifest. Without replicas in it there stay as many as there are, since something else scales them."""
        self._spec: dict[str, Any] = manifest["spec"]
        self.replicas = self._spec.get("replicas", self.replicas)
        self._hash = hashlib.sha256(json.dumps(self._spec["template"], sort_keys=True).encode()).hexdigest()[:10]
        self._node.changes.tell()

    def scale(self, replicas: int) -> None:
        if replicas != self.replicas:
            self.replicas = replicas
            self._node.changes.tell()

    @property
    def here(self) -> list[Pod]:
        """The pods that are not ending."""
        return [pod for pod in self.pods if not pod.is_terminating]

    @property
    def current(self) -> list[Pod]:
        """Of these, those of the current template."""
        return [pod for pod in self.here if pod.labels[HASH] == self._hash]

    @property
    def is_done(self) -> bool:
        """Whether it has rolled out: there are the pods of the current template, all of them ready, and no others."""
        ready = [pod for pod in self.current if pod.is_ready]
        return len(ready) == self.replicas == len(self.pods)

    async def delete(self) -> None:
        """End it and all its pods."""
        self._task.cancel()
        self.replicas = 0
        for pod in self.here:
            pod.begin_to_end()
        while self.pods:
            self.pods = [pod for pod in self.pods if not pod.has_ended]
            if self.pods:
                await self._node.changes.wait()

    async def _keep(self) -> None:
        while True:
            self.pods = [pod for pod in self.pods if not pod.has_ended]
            self._remove_old()
            self._remove_surplus()
            self._add()
            await self._node.changes.wait()

    def _add(self) -> None:
        room = self.replicas + self._limit("maxSurge", math.ceil) - len(self.here)
        for _ in range(min(room, self.replicas - len(self.current))):
            name = f"{self.name}-{self._hash}-{next(_numbers)}"
            template = self._spec["template"]
            labels = {**template["metadata"].get("labels", {}), HASH: self._hash}
            self.pods.append(
                self._node.make_pod(name, {**template, "metadata": {**template["metadata"], "labels": labels}})
            )

    def _remove_old(self) -> None:
        """Remove pods of earlier templates, those that are not ready first, as far as enough stay available."""
        least = self.replicas - self._limit("maxUnavailable", math.floor)
        old = [pod for pod in self.here if pod not in self.current]
        available = sum(pod.is_ready for pod in self.here)
        for pod in sorted(old, key=lambda pod: pod.is_ready):
            if not pod.is_ready:
                pod.begin_to_end()
            elif available > least:
                available -= 1
                pod.begin_to_end()

    def _remove_surplus(self) -> None:
        surplus = len(self.current) - self.replicas
        # Those that are not ready go first.
        order = sorted(self.current, key=lambda pod: pod.is_ready)
        for pod in order[: max(surplus, 0)]:
            pod.begin_to_end()

    def _limit(self, name: str, rounded: Any) -> int:
        value = self._spec.get("strategy", {}).get("rollingUpdate", {}).get(name, "25%")
        if isinstance(value, str):
            return rounded(self.replicas * int(value.removesuffix("%")) / 100)
        return value
