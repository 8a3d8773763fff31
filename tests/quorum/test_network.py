"""The network of the hosts: what is cut does not arrive, and in one direction only where that was asked for."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Generator

import pytest

from tests.quorum.names import LINKS, NAMESPACES
from tests.quorum.network import Host, Network, why_not

PORT = 9000
HEARD_SECONDS = 1.0

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"no network of our own: {why_not()}"),
]

LISTENER = """
import socket, sys
heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
heard.bind(("0.0.0.0", {port}))
print("listening", flush=True)
while True:
    data, sender = heard.recvfrom(100)
    print(sender[0], flush=True)
"""
SEND = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{address}', {port}))"


@pytest.fixture
def network() -> Generator[Network]:
    with Network(2) as made:
        yield made


def _arrives(source: Host | None, target: Host) -> bool:
    """Whether a datagram that one host sends is heard at the other; without a source, one of this machine."""
    code = LISTENER.format(port=PORT)
    command = (*target.within, sys.executable, "-c", code)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listening:
        assert listening.stdout is not None
        assert listening.stdout.readline() == "listening\n"
        send = SEND.format(address=target.address, port=PORT)
        subprocess.run((*(source.within if source else ()), sys.executable, "-c", send), check=True)
        try:
            listening.wait(HEARD_SECONDS)
        except subprocess.TimeoutExpired:
            listening.kill()
        return bool(listening.stdout.readline())


def test_hosts_hear_each_other_and_this_machine(network: Network) -> None:
    one, other = network.hosts
    assert _arrives(one, other)
    assert _arrives(other, one)
    assert _arrives(None, one)


def test_what_is_cut_in_one_direction_arrives_in_the_other(network: Network) -> None:
    one, other = network.hosts
    network.cut(one, other)
    assert not _arrives(one, other)
    assert _arrives(other, one)
    assert _arrives(None, other)
    network.heal()
    assert _arrives(one, other)


def test_nothing_reaches_a_host_that_is_unplugged(network: Network) -> None:
    one, other = network.hosts
    network.unplug(other)
    assert not _arrives(one, other)
    assert not _arrives(None, other)
    network.heal()
    assert _arrives(one, other)


def test_the_network_is_gone_afterwards() -> None:
    with Network(1) as made:
        name = made.hosts[0].namespace
    listed = subprocess.run(("ip", "netns", "list"), capture_output=True, text=True, check=True).stdout
    assert name not in listed
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(OSError, match="Cannot assign"):
        sock.bind((made.address, PORT))


HOLDER = """
import sys
from tests.quorum.network import Network
with Network(1) as made:
    made.unplug(made.hosts[0])
    print(made.hosts[0].namespace, made.hosts[0].outside, flush=True)
    sys.stdin.read()
"""


def test_a_network_of_a_process_that_was_killed_is_removed_by_the_next_and_one_in_use_is_not() -> None:
    command = (sys.executable, "-c", HOLDER)
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living,
    ):
        dead, alive = _names_from(killed), _names_from(living)
        killed.kill()
        killed.wait()
        assert dead | alive <= _names_on_this_machine()
        with Network(1):
            left = _names_on_this_machine()
        living.communicate()
    assert not dead & left
    assert alive <= left
    assert not alive & _names_on_this_machine()


def _names_from(holder: subprocess.Popen[str]) -> set[str]:
    """Read the names of the namespace, of the interface and of the bridge of a process that has a network of one host."""
    assert holder.stdout is not None
    return {*holder.stdout.readline().split(), f"hr{holder.pid}"}


def _names_on_this_machine() -> set[str]:
    return {each.name for directory in (NAMESPACES, LINKS) for each in directory.iterdir()}
