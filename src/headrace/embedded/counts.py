"""How many processes of each role `headrace up` runs, and what they are called."""

from __future__ import annotations

from typing import NamedTuple

# Each keeps ten of the sixty connections of the embedded Postgres. Four accept more tasks than one projector writes.
APIS_MAX = 4
# Each takes 40 MB, what its kinds load, and a core under load. A machine for more has a supervisor of its own, and `headrace worker`.
WORKERS_MAX = 16


class Counts(NamedTuple):
    """How many processes there are of the roles that may have several.

    Attributes:
        apis: From 1 to `APIS_MAX`. Several share the address that clients use.
        workers: From 1 to `WORKERS_MAX`.
    """

    apis: int = 1
    workers: int = 1

    def names(self, role: str) -> list[str]:
        """Return the names of the processes of a role: ``api`` for the only one, ``api-1`` and ``api-2`` for two."""
        count = {"api": self.apis, "worker": self.workers}.get(role, 1)
        return [role] if count == 1 else [f"{role}-{number}" for number in range(1, count + 1)]


def role_of(name: str) -> str:
    """Return the role of a process: ``api`` for ``api`` and for ``api-2``."""
    return name.partition("-")[0]
