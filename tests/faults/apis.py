"""An API process that is watched from outside: its metrics, its memory, and what it has open."""

from __future__ import annotations

from pathlib import Path

import httpx

from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.faults.browsers import port_of
from tests.faults.with_constants import TASKS, VARIABLE
from tests.member import Member

_NOW = "headrace.metrics.page.KEPT_SECONDS=0"  # a page of metrics that is kept would be about the past


class Api:
    """A process whose constants may be others than the product's.

    Attributes:
        port: Where it answers.
    """

    def __init__(self, cluster: Cluster, member: Member, metrics: str) -> None:
        self.member = member
        self.port = port_of(cluster.url)
        self._metrics = metrics

    @classmethod
    async def start(cls, cluster: Cluster, *constants: str, **environ: str) -> Api:
        """Start it, with constants such as ``headrace.api.streaming.open_streams.STALLED_SECONDS=1``."""
        address = f"127.0.0.1:{free_ports(1)[0]}"
        environ |= {"HEADRACE_API_OPS": address, VARIABLE: " ".join((_NOW, *constants))}
        member = await cluster.spawn_module("api", "tests.faults.with_constants", **environ)
        await cluster.until_ready(member)
        return cls(cluster, member, f"http://{address}/metrics")

    async def metrics(self) -> dict[str, float]:
        """Its metrics, each with its labels as they are written."""
        async with httpx.AsyncClient() as http:
            lines = (await http.get(self._metrics)).text.splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

    async def tasks(self) -> int:
        """How many tasks its event loop has."""
        return int((await self.metrics())[TASKS])

    @property
    def files(self) -> int:
        """How many files it has open, connections included."""
        return sum(1 for _ in Path(f"/proc/{self.member.pid}/fd").iterdir())

    @property
    def memory(self) -> float:
        """What it has in memory, in MiB."""
        lines = Path(f"/proc/{self.member.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024
