"""The names of a process' network, and the removal of networks whose process was killed -9 and could not remove them.

A process holds the lock of a file while it has a network. The kernel gives the lock up when the process ends, however it ends. So a
lock that is free shows for certain that nobody uses the network of that name, also after another process has got the same pid.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.quorum.iproute import COMMAND_SECONDS, NoNetwork, remove_if_there

LOCKS = Path("/run/headrace-networks")  # it is emptied when the machine starts, as the networks are
NAMESPACES = Path("/run/netns")  # ip-netns(8)
LINKS = Path("/sys/class/net")

_NAME = re.compile(r"hr[0-9]+")


def name_of_this_process() -> str:
    """The name of the network that this process may have, and what all names in that network begin with."""
    return f"hr{os.getpid()}"


@contextmanager
def claimed_name() -> Generator[str]:
    """Hold the name of this process' network for the block that has the network. Networks of dead processes are removed before.

    Raises:
        NoNetwork: This process has one already.
    """
    remove_left_over()
    name = name_of_this_process()
    lock = _lock(LOCKS / name)
    try:
        yield name
    finally:
        (LOCKS / name).unlink(missing_ok=True)
        os.close(lock)


def remove_left_over() -> list[str]:
    """Remove the networks of processes that have ended; returns their names."""
    LOCKS.mkdir(exist_ok=True)
    removed: list[str] = []
    for file in LOCKS.iterdir():
        if _NAME.fullmatch(file.name) and (lock := _lock_if_free(file)) is not None:
            _remove(file.name)
            # Whoever has opened the file meanwhile finds it gone, and makes another one.
            file.unlink()
            os.close(lock)
            removed.append(file.name)
    return removed


def _remove(name: str) -> None:
    for namespace in _entries(NAMESPACES, rf"{name}-(?:try|[0-9]+)"):
        remove_if_there("netns", "del", namespace)
    for link in _entries(LINKS, rf"{name}(?:-try|v[0-9]+)?"):
        remove_if_there("link", "del", link)


def _entries(directory: Path, pattern: str) -> list[str]:
    if not directory.exists():
        return []
    return [each.name for each in directory.iterdir() if re.fullmatch(pattern, each.name)]


def _lock(file: Path) -> int:
    """Make a file and lock it; returns the descriptor that holds the lock."""
    # Whoever looks for what dead processes have left has the lock for a moment.
    deadline = time.monotonic() + COMMAND_SECONDS
    while time.monotonic() < deadline:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if (lock := _lock_if_free(file)) is not None:
            return lock
    raise NoNetwork(f"{file} is locked: a process has one network at a time")


def _lock_if_free(file: Path) -> int | None:
    """Lock a file that nobody has locked; None when somebody has, or when the file is gone."""
    try:
        lock = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_open_as(lock, file):
            return lock
    os.close(lock)
    return None


def _is_open_as(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False
