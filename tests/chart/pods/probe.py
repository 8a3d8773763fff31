"""The probes of a container."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from headrace.embedded.network import get


class Probe:
    """A check that a kubelet makes again and again.

    Args:
        spec: As the manifest has it.
        address: That of the pod.
        ports: The numbers of the container's ports, by their names.
        on_failure: Called with what a check that failed has shown.
    """

    def __init__(
        self, spec: dict[str, Any], address: str, ports: dict[str, int], on_failure: Callable[[str], None]
    ) -> None:
        self._on_failure = on_failure
        self._failures_max: int = spec.get("failureThreshold", 3)
        self._period: float = spec.get("periodSeconds", 10)
        self._timeout: float = spec.get("timeoutSeconds", 1)
        self._delay: float = spec.get("initialDelaySeconds", 0)
        self._successes: int = spec.get("successThreshold", 1)
        request: dict[str, Any] | None = spec.get("httpGet")
        if request is None:
            raise ValueError(f"the stand-in knows probes over HTTP alone: {spec}")
        port = request["port"]
        self._where: tuple[str, int, str] = address, ports[port] if isinstance(port, str) else port, request["path"]

    async def turns(self, *, is_passing: bool) -> None:
        """Return once it has turned: from passing to failing by as many failures in a row as it takes, or the other way round."""
        await asyncio.sleep(self._delay)
        in_a_row = 0
        while True:
            in_a_row = in_a_row + 1 if await self._passes() != is_passing else 0
            if in_a_row >= (self._failures_max if is_passing else self._successes):
                return
            # A period is what a probe has instead of something to wait for.
            await asyncio.sleep(self._period)

    async def starts(self) -> bool:
        """Return whether it passes before it has failed as often in a row as it may."""
        await asyncio.sleep(self._delay)
        for _ in range(self._failures_max):
            if await self._passes():
                return True
            await asyncio.sleep(self._period)
        return False

    async def _passes(self) -> bool:
        try:
            # A connection for each, as a kubelet does it.
            async with asyncio.timeout(self._timeout):
                status, body = await get(*self._where)
        except (OSError, TimeoutError) as error:
            self._on_failure(f"{type(error).__name__} {error}")
            return False
        if not 200 <= status < 400:
            self._on_failure(f"{status} {body}")
            return False
        return True
