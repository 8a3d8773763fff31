"""What is measured, of Headrace and of its peers alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import psutil

from tests.bench.kinds.timed import Times


class System(Protocol):
    """A running system that takes tasks over HTTP.

    Attributes:
        name: What it is called in the table.
        versions: The versions of what it is made of.
        port: Where its API listens.
        path: What a task is posted to.
    """

    name: str
    versions: Mapping[str, str]
    port: int
    path: str

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return all its processes, by what they do."""
        ...

    async def rest(self) -> None:
        """Wait until it has nothing to do."""
        ...

    async def results(self, tasks: Sequence[str]) -> dict[str, Times]:
        """Wait until the result of each of these tasks is stored, and read them.

        Raises:
            BenchError: A task failed, or the results are not there in time.
        """
        ...
