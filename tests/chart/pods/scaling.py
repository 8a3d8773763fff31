"""A ScaledObject: as many replicas as the backlog needs, as KEDA and the HorizontalPodAutoscaler that it makes do it."""

from __future__ import annotations

import asyncio
import collections
import math
import time
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from tests.chart.pods.deployment import Deployment
    from tests.chart.pods.node import Node

# For so long an autoscaler looks back before it removes pods, unless the manifest says another time.
STABILIZATION_SECONDS = 300


class ScaledObject:
    """One ScaledObject with a trigger of the type metrics-api.

    Attributes:
        seen: What the trigger has answered, the last at the end.
    """

    def __init__(self, manifest: dict[str, Any], deployment: Deployment, node: Node) -> None:
        self.seen: collections.deque[float | None] = collections.deque(maxlen=1000)
        self._spec: dict[str, Any] = manifest["spec"]
        (trigger,) = self._spec["triggers"]
        if trigger["type"] != "metrics-api":
            raise ValueError(f"the stand-in knows triggers of the type metrics-api alone: {trigger}")
        self._trigger: dict[str, str] = trigger["metadata"]
        self._deployment = deployment
        self._node = node
        self._wanted: collections.deque[tuple[float, int]] = collections.deque()
        self._active_at = time.monotonic()
        self._failures = 0
        self._task = node.spawn(self._keep(), f"scaling of {deployment.name}")

    def close(self) -> None:
        self._task.cancel()

    async def _keep(self) -> None:
        while True:
            value = await self._ask()
            self.seen.append(value)
            self._deployment.scale(self._on_failure() if value is None else self._on_answer(value))
            # The manifest says how often it is asked.
            await asyncio.sleep(self._spec["pollingInterval"])

    async def _ask(self) -> float | None:
        url = httpx.URL(self._trigger["url"])
        service = self._node.service(str(url.host).split(".")[0])
        try:
            async with httpx.AsyncClient(trust_env=False, verify=False) as http:
                where = f"{service.url(url.port or 80)}{url.raw_path.decode()}"
                answer = await http.get(where, headers={"Host": url.netloc.decode()})
                answer.raise_for_status()
        except httpx.HTTPError:
            return None
        return float(answer.json()[self._trigger["valueLocation"]])

    def _on_failure(self) -> int:
        self._failures += 1
        fallback = self._spec.get("fallback")
        if fallback and self._failures >= fallback["failureThreshold"]:
            current = self._deployment.replicas
            return (
                max(current, fallback["replicas"])
                if fallback.get("behavior") == "currentReplicasIfHigher"
                else fallback["replicas"]
            )
        return self._deployment.replicas

    def _on_answer(self, value: float) -> int:
        self._failures = 0
        now, least = time.monotonic(), self._spec["minReplicaCount"]
        if value > 0:
            self._active_at = now
        elif now - self._active_at >= self._spec["cooldownPeriod"] and least == 0:
            self._wanted.clear()
            return 0
        wanted = min(
            max(math.ceil(value / float(self._trigger["targetValue"])), least, 1), self._spec["maxReplicaCount"]
        )
        if value == 0 and self._deployment.replicas == 0:
            return 0
        self._wanted.append((now, wanted))
        while self._wanted[0][0] < now - self._stabilization:
            self._wanted.popleft()
        # Up at once; down to the most that was wanted lately.
        return max(wanted, min(self._deployment.replicas, max(each for _, each in self._wanted)))

    @property
    def _stabilization(self) -> float:
        behavior = self._spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {})
        return behavior.get("scaleDown", {}).get("stabilizationWindowSeconds", STABILIZATION_SECONDS)
