"""Addresses of pods and Services on this machine."""

from __future__ import annotations

import os
import socket
from contextlib import closing

CLAIM_PORT = 15_999  # below the ports of outgoing connections and those that tests look for free ones in
NETWORKS = range(1 << 8, 1 << 16)  # of 127.0.0.0/8; those below 127.1.0.0 have what listens on 127.0.0.1
HOSTS = range(2, 255)
PRIVILEGED_SHIFT = 10_000  # a port below 1024 is that much higher where this user may not listen on it


class Network:
    """A network of 253 loopback addresses that nobody else on this machine has meanwhile.

    Linux has 16 million loopback addresses, and every user may listen on each of them: so pods can all have the ports of their
    manifest without privileges.
    """

    def __init__(self) -> None:
        self._claim, self._prefix = _claim()
        self._used: set[str] = set()
        self._last = HOSTS.start - 1

    def take(self) -> str:
        """Give out an address; the one that was given back last comes last."""
        for _ in HOSTS:
            self._last = self._last + 1 if self._last + 1 in HOSTS else HOSTS.start
            address = f"{self._prefix}.{self._last}"
            if address not in self._used:
                self._used.add(address)
                return address
        raise RuntimeError(f"there are {len(HOSTS)} pods and Services already")

    def give_back(self, address: str) -> None:
        self._used.discard(address)

    def close(self) -> None:
        self._claim.close()


def port_to_listen_on(address: str, port: int) -> int:
    """Return the port that stands for this one: itself, unless this user may not listen on it."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            return port + PRIVILEGED_SHIFT
    return port


def _claim() -> tuple[socket.socket, str]:
    first = os.getpid() * 31 % len(NETWORKS)
    for number in [*NETWORKS[first:], *NETWORKS[:first]]:
        prefix = f"127.{number >> 8}.{number & 255}"
        claim = socket.socket()
        try:
            claim.bind((f"{prefix}.1", CLAIM_PORT))
            claim.listen(1)
        except OSError:
            claim.close()
        else:
            return claim, prefix
    raise RuntimeError("no network of 127.0.0.0/8 is free; on systems other than Linux there is 127.0.0.1 alone")
