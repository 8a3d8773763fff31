"""A network of this machine's own: hosts with addresses, which can be cut off from each other, or in one direction only.

Each host is a network namespace with one end of a veth pair; the other end is on a bridge, which has an address as well, so that
processes outside of the namespaces reach the hosts. See ip-netns(8) and ip-link(8).
"""

from __future__ import annotations

import os
import select
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.network_changes import changing_network
from tests.quorum.iproute import COMMAND_SECONDS, NoNetwork, ip, remove_if_there
from tests.quorum.names import claimed_name, name_of_this_process

# 198.18.0.0/15 is kept for measurements of networks (RFC 2544), so nothing that this machine uses is there.
PREFIX = "198.18.{}"
NOBODY = "02:00:00:00:00:fe"  # a hardware address, locally administered, that no interface has
FORWARDS = "3"  # BR_STATE_FORWARDING, linux/if_bridge.h
POLL_SECONDS = 0.005


def why_not() -> str:
    """Return why there can be no network of our own here; empty when there can."""
    if shutil.which("ip") is None:
        return "there is no `ip` (iproute2)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with claimed_name() as name:
            tried = f"{name}-try"
            ip("netns", "add", tried)
            ip("netns", "del", tried)
            ip("link", "add", tried, "type", "bridge")
            ip("link", "del", tried)
    except (NoNetwork, OSError) as error:
        return str(error)
    return ""


class Host:
    """One host of the network.

    Attributes:
        address: Its IPv4 address.
        within: What a command begins with to run on this host.
    """

    def __init__(self, namespace: str, outside: str, address: str) -> None:
        self.address = address
        self.within = (shutil.which("ip") or "ip", "netns", "exec", namespace)
        self.namespace = namespace
        self.outside = outside


class Network:
    """So many hosts, for the duration of a block.

    Args:
        count: How many hosts.

    Attributes:
        hosts: The hosts.
        address: The address of this machine in the network.
    """

    def __init__(self, count: int) -> None:
        number = os.getpid() % 250 + 1
        self._name = name_of_this_process()
        self._undoing = ExitStack()
        self._prefix = PREFIX.format(number)
        self.address = f"{self._prefix}.1"
        self.hosts = [
            Host(f"{self._name}-{each}", f"{self._name}v{each}", f"{self._prefix}.{11 + each}") for each in range(count)
        ]

    def __enter__(self) -> Self:
        """Make it.

        Raises:
            NoNetwork: This machine does not allow it.
        """
        with ExitStack() as undoing, changing_network():
            undoing.enter_context(claimed_name())
            undoing.callback(self._remove)
            ip("link", "add", self._name, "type", "bridge")
            _keep_from_ipv6(self._name)
            ip("address", "add", f"{self.address}/24", "dev", self._name)
            ip("link", "set", self._name, "up")
            for host in self.hosts:
                self._add(host)
            self._undoing = undoing.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with changing_network():
            self._undoing.close()

    def unplug(self, host: Host) -> None:
        """Let nothing reach the host, and nothing leave it."""
        ip("link", "set", host.outside, "down")

    def cut(self, source: Host, target: Host) -> None:
        """Lose what the source sends to the target; the other direction stays as it is.

        What is sent goes to a hardware address that nobody has, so that nobody is told, as with a broken switch.
        """
        ip(
            "-n", source.namespace, "neigh", "replace", target.address,
            "lladdr", NOBODY, "dev", "eth0", "nud", "permanent",
        )  # fmt: skip

    def part(self, one: Host, other: Host) -> None:
        """Lose what either sends to the other."""
        self.cut(one, other)
        self.cut(other, one)

    def heal(self) -> None:
        """Let everything arrive again; returns when it does."""
        for host in self.hosts:
            ip("link", "set", host.outside, "up")
        for host in self.hosts:
            _wait_until_it_forwards(host.outside)
            # What was not answered while nothing arrived is remembered for seconds.
            ip("-n", host.namespace, "neigh", "flush", "dev", "eth0")
        ip("neigh", "flush", "dev", self._name)
        for host in self.hosts:
            for other in self.hosts:
                if other is not host:
                    ip("-n", host.namespace, "neigh", "flush", "to", other.address, "nud", "permanent")

    def _add(self, host: Host) -> None:
        ip("netns", "add", host.namespace)
        ip("link", "add", host.outside, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
        _keep_from_ipv6(host.outside)
        ip("link", "set", host.outside, "master", self._name, "up")
        ip("-n", host.namespace, "link", "set", "lo", "up")
        ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
        ip("-n", host.namespace, "link", "set", "eth0", "up")

    def _remove(self) -> None:
        for host in self.hosts:
            remove_if_there("netns", "del", host.namespace)
            remove_if_there("link", "del", host.outside)
        remove_if_there("link", "del", self._name)


def _keep_from_ipv6(interface: str) -> None:
    """Let an interface have no address of its own making, which would come seconds after it was made."""
    setting = Path("/proc/sys/net/ipv6/conf") / interface / "disable_ipv6"
    if setting.exists():
        setting.write_text("1")


def _wait_until_it_forwards(port: str) -> None:
    """Wait for a port of the bridge: one that is told to be up gets there a moment later, and loses what comes before.

    Raises:
        NoNetwork: It does not get there.
    """
    state = Path("/sys/class/net") / port / "brport" / "state"
    deadline = time.monotonic() + COMMAND_SECONDS
    while state.read_text().strip() != FORWARDS:
        if time.monotonic() > deadline:
            raise NoNetwork(f"{port} has not come up within {COMMAND_SECONDS:g} s")
        # The kernel tells it by no event that a file could give.
        select.select([], [], [], POLL_SECONDS)
