"""Ports of this machine, and the question whether the API is ready."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from contextlib import suppress

from headrace.embedded.errors import PortError

LOOPBACK = "127.0.0.1"
ANY_ADDRESS = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - where to reach what listens everywhere
PROBE_SECONDS = 5.0
PROBE_BYTES_MAX = 4096  # a status line and a short reason

# Below what Linux and macOS give to outgoing connections, which could take a port just before we listen on it; and each
# process begins in a place of its own, so that two that look at the same time find different ones.
PORTS = range(16_384, 32_768)
PORTS_OF_A_PROCESS = 256
_FIRST = PORTS.start + os.getpid() * PORTS_OF_A_PROCESS % len(PORTS)
_candidates = itertools.cycle(range(_FIRST, _FIRST + PORTS_OF_A_PROCESS))


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on now, and that nobody is given by chance before we do.

    Raises:
        PortError: there are not so many.
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
    """Check that we can listen there.

    Raises:
        PortError: we cannot.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the API does: old connections do not count
            probe.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise PortError(
            f"cannot listen on {authority(host, port)} ({reason}): stop what uses it, or choose another port"
        ) from error


def authority(host: str, port: int) -> str:
    """``host:port`` as a URL has it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def get(host: str, port: int, path: str) -> tuple[int, str]:
    """GET from a server of ours: status and the beginning of the body. An HTTP library would double our memory.

    Raises:
        OSError: nobody answers.
        TimeoutError: no answer within `PROBE_SECONDS`.
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
    """What ``/health/ready`` says, as a reason; None when it is ready."""
    try:
        status, body = await get(host, port, "/health/ready")
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)
    return None if status == 200 else f"{status} {' '.join(body.split())[:200]}"
