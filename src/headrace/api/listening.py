"""The address that an API listens on: it belongs to one process unless it is shared; clients that read nothing lose their connections."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from typing import Any

from granian._granian import SocketHolder
from granian.server.embed import Server

from headrace.listening import cannot_listen
from headrace.telemetry import get_logger

BIND = "HEADRACE_API_BIND"  # the setting that has the address
BACKLOG = 2048  # connections waiting to be accepted, as when all browsers come back at once
UNREAD_SECONDS = 60  # after which a client that takes none of what was sent to it loses its connection
CHECK_SECONDS = 5.0  # between two checks of the connections that wait to be accepted

# struct tcp_info of Linux: of a listening socket, tcpi_unacked is the number of connections that wait to be accepted.
_TCP_INFO_BYTES = 28
_UNACKED_AT = 24

log = get_logger(__name__)


def listen(bound: socket.socket) -> None:
    """Let clients connect. Of two processes that have bound the same address at the same time, one gets it.

    Raises:
        OSError: Another process listens on the address.
    """
    # The connections inherit it. Without it, an event that follows another one waits up to 40 ms for a client that delays its
    # acknowledgement, as browsers do on a connection that was used before.
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if sys.platform == "linux":
        # The connections inherit it. The server has no limit of its own for a client that does not read its answers.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
    try:
        bound.listen(BACKLOG)
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise cannot_listen(host, port, error, BIND) from error


class ListeningServer(Server):
    """Granian on a socket that is open already.

    Granian itself always binds with SO_REUSEPORT, with which two processes share an address without noticing.

    Args:
        target: The application.
        listener: The socket; the server closes it.
        options: Those of granian's server.
    """

    def __init__(self, target: Any, listener: socket.socket, **options: Any) -> None:
        super().__init__(target, **options)
        self._listener = listener

    def _init_shared_socket(self) -> None:
        self._ssp = None
        self._sfd = self._listener.detach()
        # Granian's stubs leave the arguments out.
        self._shd = SocketHolder(self._sfd, False, BACKLOG)  # pyright: ignore[reportCallIssue]


async def warn_when_full(listener: socket.socket, connections_max: int) -> None:
    """Log when clients wait to be accepted for a while, which is when all connections are taken. Returns only when cancelled.

    Where the system does not tell how many clients wait, nothing is logged.

    Args:
        listener: A socket of its own on the address, which is closed at the end.
        connections_max: How many connections the server accepts at most.
    """
    with listener:
        waited = is_full = False
        while sys.platform == "linux":
            await asyncio.sleep(CHECK_SECONDS)
            waiting = _count_waiting(listener)
            if waiting and waited and not is_full:
                is_full = True
                log.warning(
                    "all connections are taken, others have to wait; see HEADRACE_API_CONNECTIONS",
                    connections=connections_max,
                    waiting=waiting,
                )
            elif not waiting and is_full:
                is_full = False
                log.info("connections are accepted again")
            waited = waiting > 0


def _count_waiting(listener: socket.socket) -> int:
    found = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    return struct.unpack_from("=I", found, _UNACKED_AT)[0]
