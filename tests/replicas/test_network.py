"""The network that faults cut: a cut drops what it says, and nothing else."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.replicas.network import Host, Network, left_over, why_no_namespaces

ARRIVES_SECONDS = 0.2  # a datagram on one machine takes microseconds
BYTES = 16
CLONE_NEWNET = 0x40000000  # linux/sched.h

NOT_HERE = why_no_namespaces()
needs_namespaces = pytest.mark.skipif(NOT_HERE is not None, reason=NOT_HERE or "")


@pytest.fixture
async def network() -> AsyncGenerator[Network]:
    async with Network(3) as made:
        yield made


@contextmanager
def _inside(host: Host) -> Generator[None]:
    """Let this thread be in the network of a host; a socket stays in the network in which it was made."""
    outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    inside = os.open(Path("/run/netns") / host.name, os.O_RDONLY)
    try:
        _enter(inside)
        yield
    finally:
        _enter(outside)
        os.close(inside)
        os.close(outside)


def _enter(namespace: int) -> None:
    # Python has it from 3.12 on.
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _socket(stack: ExitStack, address: str) -> socket.socket:
    made = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    made.bind((address, 0))
    made.setblocking(False)
    return made


async def _pairs_that_reach(network: Network) -> set[str]:
    """Who reaches whom: the outside is `o`, hosts are numbers; `12` is from host 1 to host 2."""
    found: set[str] = set()
    with ExitStack() as stack:
        sockets = {"o": _socket(stack, network.outside)}
        for number, host in enumerate(network.hosts):
            with _inside(host):
                sockets[str(number)] = _socket(stack, host.address)
        for source, sending in sockets.items():
            for target, receiving in sockets.items():
                if source != target and await _arrives(sending, receiving):
                    found.add(source + target)
    return found


async def _arrives(sending: socket.socket, receiving: socket.socket) -> bool:
    loop = asyncio.get_running_loop()
    try:
        sending.sendto(b"here", receiving.getsockname())
        async with asyncio.timeout(ARRIVES_SECONDS):
            await loop.sock_recv(receiving, BYTES)
    except (TimeoutError, PermissionError):
        # A datagram that is dropped on its way out is refused to its sender.
        return False
    return True


ALL = {source + target for source in "o012" for target in "o012" if source != target}


@needs_namespaces
async def test_hosts_reach_each_other_and_this_machine_until_they_are_cut_and_when_it_is_healed(
    network: Network,
) -> None:
    first, second, third = network.hosts
    assert await _pairs_that_reach(network) == ALL

    await network.cut_off(third)
    assert await _pairs_that_reach(network) == {pair for pair in ALL if "2" not in pair}
    await network.heal(third)
    assert await _pairs_that_reach(network) == ALL

    await network.drop(first, second)
    assert await _pairs_that_reach(network) == ALL - {"01"}
    await network.heal()

    await network.cut(first, second)
    assert await _pairs_that_reach(network) == ALL - {"01", "10"}
    await network.heal()
    assert await _pairs_that_reach(network) == ALL


def test_names_of_processes_that_are_gone_are_left_over_and_no_others() -> None:
    names = ["lo", "hrn7", "hrn7-0", "hrn8", "hrn8-2", "hrnx", "docker0"]
    assert left_over(names, lambda pid: pid == 7) == ["hrn8", "hrn8-2"]
