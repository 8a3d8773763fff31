"""What a server has to have to be measured."""

from __future__ import annotations

from typing import Protocol


class Server(Protocol):
    """One process with the clients' streams, and whatever stands behind it.

    Attributes:
        port: Where the process listens on this machine.
        path: What the clients follow.
        ids: Whether its events have ids that grow.
        separator: What it puts between two events.
    """

    port: int
    path: str
    ids: bool
    separator: str

    async def publish(self, line: str) -> None:
        """Have every client told a line."""
        ...

    async def followed_by(self, clients: int) -> None:
        """Wait until so many clients would be told a line, and no more; they have been answered."""
        ...

    def cpu_seconds(self) -> dict[str, float]:
        """CPU time since the start, by process."""
        ...

    def resident_bytes(self) -> dict[str, int]:
        """Resident set size, by process; the one with the streams is first."""
        ...
