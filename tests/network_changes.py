"""Tests that change the addresses of this machine, and tests with a browser, one after the other.

Chromium gives up what it loads when an address comes or goes (`ERR_NETWORK_CHANGED`), and test processes run beside each other.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_PLACE = Path(tempfile.gettempdir())
_CHANGES = _PLACE / "headrace-network-changes.lock"
# Whoever wants either lock waits here, so that those who change something have their turn among many browsers.
_GATE = _PLACE / "headrace-network-gate.lock"


@contextmanager
def changing_network() -> Generator[None]:
    """Wait until no test has a browser open, and keep others from opening one for the block, which changes addresses."""
    with _locked(_GATE, fcntl.LOCK_EX), _locked(_CHANGES, fcntl.LOCK_EX):
        yield


@contextmanager
def steady_network() -> Generator[None]:
    """Keep every address as it is for the block, which has a browser open."""
    with ExitStack() as stack:
        with _locked(_GATE, fcntl.LOCK_EX):
            stack.enter_context(_locked(_CHANGES, fcntl.LOCK_SH))
        yield


@contextmanager
def _locked(file: Path, how: int) -> Generator[None]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        # The kernel gives the lock up with the file.
        os.close(descriptor)
