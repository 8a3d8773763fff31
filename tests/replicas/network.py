"""A network of its own for some servers, each in a Linux network namespace, whose packets can be dropped between any two.

A dropped packet is dropped in silence: neither end is told, and connections stay open until a timeout of their own, as with a
cable that was pulled or a firewall that was changed. Needs root, the programs `ip` and `iptables`, and nothing that stays: what a
run that was killed has left behind is removed by the next one.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PREFIX = "hrn"  # of every name here; the names of interfaces have 15 characters at most
FIRST_HOST = 10
NETWORKS = range(64, 192)  # the third part of the address
_NAME = re.compile(rf"{PREFIX}(\d+)(?:-\d+)?")
_SINK = ("-j", "DROP")


class NetworkError(Exception):
    """A command of the system failed. The message has its own."""


def why_no_namespaces() -> str | None:
    """Say in one sentence why network namespaces cannot be made here; None when they can."""
    if os.name != "posix" or not shutil.which("ip"):
        return "network namespaces need Linux and the program ip (package iproute2)"
    if not shutil.which("iptables"):
        return "cutting the network needs the program iptables"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"{PREFIX}{os.getpid()}-99"
    try:
        _run("ip", "netns", "add", name)
        _run("ip", "netns", "exec", name, "iptables", "-A", "INPUT", *_SINK)
    except NetworkError as error:
        return f"network namespaces cannot be made here: {error}"
    finally:
        subprocess.run(("ip", "netns", "del", name), capture_output=True, check=False)
    return None


class Host:
    """A namespace with an address.

    Attributes:
        name: The namespace.
        address: Its address, which this machine and the other hosts reach.
        prefix: What stands before a command that is to run in it.
    """

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.prefix = (shutil.which("ip") or "ip", "netns", "exec", name)


class Network:
    """Hosts that reach each other over a bridge of this machine, which has an address on it as well.

    Args:
        count: How many hosts.

    Raises:
        NetworkError: It cannot be made.
    """

    def __init__(self, count: int) -> None:
        self._bridge = f"{PREFIX}{os.getpid()}"
        self._net = ""
        self._count = count
        self.hosts: list[Host] = []

    @property
    def outside(self) -> str:
        """The address from which this machine reaches the hosts."""
        return f"{self._net}.1"

    async def __aenter__(self) -> Self:
        await remove_left_over()
        self._net = _free_network(await _show("ip", "-j", "address"))
        try:
            await run("ip", "link", "add", self._bridge, "type", "bridge")
            await run("ip", "address", "add", f"{self.outside}/24", "dev", self._bridge)
            await run("ip", "link", "set", self._bridge, "up")
            for number in range(self._count):
                self.hosts.append(await self._add_host(number))
        except BaseException:
            await self._remove()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._remove()

    async def drop(self, source: Host, target: Host) -> None:
        """Drop what one host sends to another; what that one sends back passes."""
        await _in(target, "iptables", "-A", "INPUT", "-s", source.address, *_SINK)

    async def cut(self, one: Host, other: Host) -> None:
        """Drop what two hosts send to each other."""
        await self.drop(one, other)
        await self.drop(other, one)

    async def cut_off(self, host: Host) -> None:
        """Drop everything that a host sends and is sent, by hosts and by this machine."""
        for chain, direction in (("INPUT", "-i"), ("OUTPUT", "-o")):
            await _in(host, "iptables", "-A", chain, direction, "eth0", *_SINK)

    async def heal(self, *hosts: Host) -> None:
        """Let everything pass that these hosts are sent and send; all hosts, when none is named."""
        for host in hosts or self.hosts:
            for chain in ("INPUT", "OUTPUT"):
                await _in(host, "iptables", "-F", chain)

    async def _add_host(self, number: int) -> Host:
        host = Host(f"{self._bridge}-{number}", f"{self._net}.{FIRST_HOST + number}")
        await run("ip", "netns", "add", host.name)
        port = f"{PREFIX}{os.getpid()}-{number}"
        await run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        await run("ip", "link", "set", port, "master", self._bridge, "up")
        await _in(host, "ip", "address", "add", f"{host.address}/24", "dev", "eth0")
        for interface in ("lo", "eth0"):
            await _in(host, "ip", "link", "set", interface, "up")
        return host

    async def _remove(self) -> None:
        for host in self.hosts:
            await _quietly("ip", "netns", "del", host.name)
        await _quietly("ip", "link", "del", self._bridge)


async def remove_left_over() -> None:
    """Remove the networks of runs that have ended without doing so."""
    namespaces = [each["name"] for each in await _show("ip", "-j", "netns")]
    for name in left_over(namespaces, _is_running):
        await _quietly("ip", "netns", "del", name)
    links = [each["ifname"] for each in await _show("ip", "-j", "link")]
    for name in left_over(links, _is_running):
        await _quietly("ip", "link", "del", name)


def left_over(names: Iterable[str], is_running: Callable[[int], bool]) -> list[str]:
    """Return the names that stand for a run of a process which is gone."""
    matches = [(name, _NAME.fullmatch(name)) for name in names]
    return [name for name, match in matches if match is not None and not is_running(int(match[1]))]


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def _free_network(interfaces: list[dict[str, Any]]) -> str:
    taken = {address.get("local", "") for each in interfaces for address in each.get("addr_info", ())}
    networks = (f"10.213.{number}" for number in NETWORKS)
    return next(net for net in networks if not any(address.startswith(f"{net}.") for address in taken))


async def run(*argv: str) -> str:
    """Run a command of the system and return what it wrote.

    Raises:
        NetworkError: It failed.
    """
    return await asyncio.to_thread(_run, *argv)


def _run(*argv: str) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NetworkError(f"{argv[0]}: {error.strerror}") from error
    if done.returncode:
        raise NetworkError(f"`{' '.join(argv)}` failed: {done.stderr.strip() or done.returncode}")
    return done.stdout


async def _quietly(*argv: str) -> None:
    await asyncio.to_thread(subprocess.run, argv, capture_output=True, check=False)


async def _show(*argv: str) -> list[dict[str, Any]]:
    return json.loads(await run(*argv) or "[]")


async def _in(host: Host, *argv: str) -> str:
    return await run("ip", "netns", "exec", host.name, *argv)
