"""What a server of NATS says of itself to whoever connects, before it asks who that is."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import Final
from urllib.parse import urlsplit

import msgspec

from headrace.log.streams import SERVER_VERSION_MIN
from headrace.loopback import is_this_machine

PORT: Final = 4222  # of a server whose URL names none
ADDRESSES_MAX = 32  # of all names together; the servers of a log are three or five

_VERSION = re.compile(r"(\d+)\.(\d+)")


class Greeting(msgspec.Struct, frozen=True):
    """The line with which a server begins: its name, and its version."""

    server_name: str
    version: str


def is_new_enough(version: str) -> bool:
    """Whether a server of a version has what Headrace needs: atomic batches, schedules, counters, and consumers that can be set back."""
    found = _VERSION.match(version)
    return found is not None and (int(found[1]), int(found[2])) >= SERVER_VERSION_MIN


async def resolve_servers(url: str) -> list[tuple[str, int]]:
    """Return the addresses and ports of all servers that a URL of NATS names.

    Raises:
        OSError: A name has no address.
    """
    found: dict[tuple[str, int], None] = {}
    for each in url.split(","):
        parts = urlsplit(each.strip() if "//" in each else f"nats://{each.strip()}")
        port = parts.port or PORT
        found |= {(address, port): None for address in await resolve_addresses(parts.hostname or "", port)}
    return list(found)[:ADDRESSES_MAX]


async def resolve_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a name. Each is that of a server, as of a headless Service, but those of this machine are one server's.

    Raises:
        OSError: The name has no address.
    """
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
    found = list(dict.fromkeys(str(address[0]) for *_, address in infos))
    return [host] if len(found) > 1 and all(map(is_this_machine, found)) else found[:ADDRESSES_MAX]


async def read_greeting(host: str, port: int, patience: float) -> Greeting:
    """Connect to a server, and return what it says before anything is sent to it.

    Raises:
        OSError: It cannot be reached.
        TimeoutError: It says nothing within ``patience`` seconds, as one that wants TLS from the first byte on.
        ValueError: What it says is not what a server of NATS does.
    """
    async with asyncio.timeout(patience):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            word, _, info = (await reader.readline()).partition(b" ")
        finally:
            writer.close()
    if word != b"INFO":
        raise ValueError(f"{host}:{port} does not answer as a server of NATS")
    try:
        return msgspec.json.decode(info, type=Greeting)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{host}:{port} does not answer as a server of NATS ({error})") from error
