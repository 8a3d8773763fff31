"""A disk that is full for one server only, which needs no disk of its own and no rights."""

from __future__ import annotations

import resource
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

UNLIMITED = resource.RLIM_INFINITY


class Server(Protocol):
    """A server whose process is known while it runs."""

    @property
    def pid(self) -> int | None:
        """The pid of the server while it runs, None otherwise."""
        ...


@contextmanager
def full_disk(nats: Server) -> Generator[None]:
    """While the block runs no file of the server can grow, as on a disk that is full."""
    pid = nats.pid
    assert pid is not None
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, UNLIMITED))
    try:
        yield
    finally:
        if nats.pid == pid:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
