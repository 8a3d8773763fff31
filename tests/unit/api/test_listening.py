from __future__ import annotations

import select
import socket
import sys

import pytest

from headrace.api.listening import BIND, listen
from headrace.listening import bind
from tests.cluster import Cluster

LOOPBACK = "127.0.0.1"
CONNECTIONS_MAX = 64  # all of them reach the same one of two once in 2^63 times


def port_of(listener: socket.socket) -> int:
    return listener.getsockname()[1]


def test_an_address_on_which_somebody_listens_is_refused_even_if_it_could_be_shared() -> None:
    with socket.socket() as sharing:
        sharing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sharing.bind((LOOPBACK, 0))
        sharing.listen()
        with pytest.raises(OSError, match="in use; choose another address with HEADRACE_API_BIND"):
            bind(LOOPBACK, port_of(sharing), BIND)


def test_what_is_sent_to_a_client_never_waits_for_an_acknowledgement_of_what_was_sent_before() -> None:
    with bind(LOOPBACK, 0, BIND) as listener:
        listen(listener)
        with socket.create_connection((LOOPBACK, port_of(listener))), listener.accept()[0] as connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_of_two_that_start_together_one_gets_the_address() -> None:
    with bind(LOOPBACK, 0, BIND) as one, bind(LOOPBACK, port_of(one), BIND) as other:
        listen(one)
        with pytest.raises(OSError, match="in use"):
            listen(other)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux spreads connections over several processes")
def test_an_address_that_is_shared_takes_connections_at_each_who_shares_it_and_at_nobody_else() -> None:
    with bind(LOOPBACK, 0, BIND, is_shared=True) as one, bind(LOOPBACK, port_of(one), BIND, is_shared=True) as other:
        listen(one)
        listen(other)
        taken = set[socket.socket]()
        for _ in range(CONNECTIONS_MAX):
            with socket.create_connection((LOOPBACK, port_of(one))):
                (waiting, *_), _, _ = select.select([one, other], [], [])
                waiting.accept()[0].close()
                taken.add(waiting)
        assert taken == {one, other}
        with pytest.raises(OSError, match="in use"):
            bind(LOOPBACK, port_of(one), BIND)


def test_an_address_is_free_again_as_soon_as_its_process_is_gone() -> None:
    with bind(LOOPBACK, 0, BIND) as before:
        listen(before)
        port = port_of(before)
        with socket.create_connection((LOOPBACK, port)) as client:
            # The side that closes first keeps the connection in TIME_WAIT.
            before.accept()[0].close()
            assert client.recv(1) == b""
    with bind(LOOPBACK, port, BIND) as after:
        listen(after)


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 8080), ("nowhere.invalid", 80), (LOOPBACK, 99_999)])
def test_an_address_that_this_machine_does_not_have_is_refused_with_the_reason(host: str, port: int) -> None:
    with pytest.raises(OSError, match=f"cannot listen on {host}:{port}: .+; choose another address"):
        bind(host, port, BIND)


async def test_an_api_whose_address_is_taken_ends_with_one_line(cluster: Cluster) -> None:
    second = await cluster.spawn("api")
    assert await second.exited() == 1
    assert second.logged("listening") == []
    (line,) = second.logged("cannot go on")
    assert "Address already in use; choose another address with HEADRACE_API_BIND" in line["error"]
    assert not any("Traceback" in line for line in second.lines)
