"""A disk that is full for one server only, which needs no disk of its own and no rights."""

from __future__ import annotations

import resource
from collections.abc import Generator
from contextlib import contextmanager

from headrace.embedded.nats import EmbeddedNats

UNLIMITED = resource.RLIM_INFINITY


@contextmanager
def full_disk(nats: EmbeddedNats) -> Generator[None]:
    """While the block runs no file of the server can grow, as on a disk that is full."""
    pid = nats.pid
    assert pid is not None
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, UNLIMITED))
    try:
        yield
    finally:
        if nats.pid == pid:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
