"""Find free ports, check that an address is free, and ask servers whether they answer."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import socket
from contextlib import suppress
from pathlib import Path

from headrace.embedded.errors import PortError
from headrace.loopback import is_this_machine

LOOPBACK = "127.0.0.1"
ANY_ADDRESS = {"": LOOPBACK, "0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - how to reach a server that listens on all
PROBE_SECONDS = 5.0
PROBE_BYTES_MAX = 4096  # a status line and a short reason
# The length of the message, then the code of an SSLRequest (PostgreSQL documentation, message formats).
SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
_PORT_TAKEN = "stop what uses it, or choose another port"
_NOT_OURS = "name an address of this machine"

# These are below the ports that Linux and macOS give to outgoing connections, one of which could take a port just before we
# listen on it. Each process begins at another port, so that two that search at the same time find different ones.
PORTS = range(16_384, 32_768)
PORTS_OF_A_PROCESS = 256
_FIRST = PORTS.start + os.getpid() * PORTS_OF_A_PROCESS % len(PORTS)
_candidates = itertools.cycle(range(_FIRST, _FIRST + PORTS_OF_A_PROCESS))


def free_ports(count: int) -> list[int]:
    """Find different loopback ports that are free, and that the system gives to no outgoing connection.

    Raises:
        PortError: There are not so many.
    """
    found: list[int] = []
    for port in itertools.islice(_candidates, PORTS_OF_A_PROCESS):
        if len(found) == count:
            break
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            found.append(port)
    if len(found) < count:
        raise PortError(f"there are no {count} free ports from {_FIRST} on; name the ports yourself")
    return found


def check_port(host: str, port: int) -> None:
    """Check that a server can listen on an address.

    Raises:
        PortError: The address is in use, or belongs to no interface of this machine.
    """
    _bind_alone(host, port).close()


def hold_port(host: str, port: int) -> socket.socket:
    """Reserve an address for several processes of this user that share it. Nobody who does not share it can listen there.

    Returns:
        The socket that holds the address until it is closed. It takes no connections.

    Raises:
        PortError: The address is in use, or belongs to no interface of this machine.
    """
    held = _bind_alone(host, port)
    # Until now two that hold the same address exclude each other; from now on whoever shares it may bind, and nobody else.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return held


def _bind_alone(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        try:
            # The API sets this too: connections that are not closed completely do not keep it from listening.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        remedy = _PORT_TAKEN if getattr(error, "errno", None) in (errno.EADDRINUSE, errno.EACCES) else _NOT_OURS
        raise PortError(f"cannot listen on {authority(host, port)} ({reason}): {remedy}") from error
    return bound


def authority(host: str, port: int) -> str:
    """Write ``host:port`` as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def loopback_of(host: str) -> str | None:
    """Return the loopback address that reaches a server which listens on ``host``; None when none does."""
    address = ANY_ADDRESS.get(host, host)
    return address if is_this_machine(address) else None


async def get(host: str, port: int, path: str) -> tuple[int, str]:
    """Send a GET to a server of ours, and return the status and the beginning of the body.

    It does not use an HTTP library, which would double the memory of `up`.

    Raises:
        OSError: The server does not answer.
        TimeoutError: The answer takes longer than `PROBE_SECONDS`.
    """
    host = ANY_ADDRESS.get(host, host)
    async with asyncio.timeout(PROBE_SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {authority(host, port)}\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while len(answer) < PROBE_BYTES_MAX and (more := await reader.read(PROBE_BYTES_MAX)):
                answer += more
        finally:
            writer.close()
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    status = head.split(" ", 2)[1:2]
    if not status or not status[0].isdigit():
        raise ConnectionResetError("closed without an answer")
    return int(status[0]), body


async def why_not_ready(host: str, port: int) -> str | None:
    """Ask ``/health/ready`` why the API is not ready; None when it is."""
    return await why_not_healthy(host, port, "/health/ready")


async def has_web_app(host: str, port: int) -> bool:
    """Ask an API for the page of the web app; also True when it does not answer, because then nobody knows."""
    try:
        status, _ = await get(host, port, "/")
    except OSError:
        return True
    return status != 404


async def why_not_healthy(host: str, port: int, path: str) -> str | None:
    """Ask a health check of ours; returns None when the answer is 200, or what came instead."""
    try:
        status, body = await get(host, port, path)
    except TimeoutError:
        return "no answer"
    except ConnectionRefusedError:
        return "it does not listen yet"
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    return None if status == 200 else f"{status} {' '.join(body.split())[:200]}"


async def why_postgres_silent(socket_path: Path) -> str | None:
    """Ask a Postgres whether it can encrypt, which it answers before it asks who wants to know; returns None when it does.

    A server that has no connection left closes this one, which is an answer too.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(socket_path)
        try:
            writer.write(SSL_REQUEST)
            await reader.read(1)
        finally:
            writer.close()
    except OSError as error:
        return error.strerror or str(error)
    return None
