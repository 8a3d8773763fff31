"""A Job: a pod that has to succeed once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.chart.pods.pod import Pod

if TYPE_CHECKING:
    from tests.chart.pods.node import Node

# Kubernetes waits 10 s before the second pod, and twice as long each time up to six minutes.
BACK_OFF_SECONDS = 0.5


class Job:
    """One Job.

    Attributes:
        pods: The pods that it has made, in their order.
    """

    def __init__(self, manifest: dict[str, Any], node: Node) -> None:
        self.name: str = manifest["metadata"]["name"]
        self.pods: list[Pod] = []
        self._spec: dict[str, Any] = manifest["spec"]
        self._node = node
        self._task = node.spawn(self._run(), f"job {self.name}")

    async def ended(self) -> bool:
        """Wait for its end, and return whether it has succeeded."""
        return await asyncio.shield(self._task)

    @property
    def lines(self) -> list[str]:
        return [line for pod in self.pods for line in pod.lines]

    async def delete(self) -> None:
        self._task.cancel()
        await asyncio.gather(*(pod.delete() for pod in self.pods if not pod.has_ended))

    async def _run(self) -> bool:
        try:
            async with asyncio.timeout(self._spec.get("activeDeadlineSeconds")):
                return await self._attempts()
        except TimeoutError:
            await asyncio.gather(*(pod.delete() for pod in self.pods if not pod.has_ended))
            return False

    async def _attempts(self) -> bool:
        for attempt in range(self._spec.get("backoffLimit", 6) + 1):
            if attempt:
                await asyncio.sleep(BACK_OFF_SECONDS * 2 ** (attempt - 1))
            self.pods.append(self._node.make_pod(f"{self.name}-{attempt}", self._spec["template"]))
            if await self.pods[-1].ended() == "Succeeded":
                return True
        return False
