"""Reserving an address to listen on: it belongs to one process unless it is shared; `:8080` and `[::]:8080` are reached over IPv4 and IPv6."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from headrace.settings import PORT_MAX

# The system has no IPv6, or no interface with it.
_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


def bind(host: str, port: int, variable: str, *, is_shared: bool = False) -> socket.socket:
    """Reserve an address. No other process can listen on it from then on, unless both share it.

    Args:
        host: A name or an address; every address of this machine, of IPv4 and of IPv6, when empty.
        port: The port.
        variable: The setting that has the address, for who has to choose another.
        is_shared: Let other processes of the same user that share it listen on it too. Linux spreads connections over them.

    Raises:
        OSError: Another process listens there, or this machine has no such address.
    """
    refused: OSError | None = None
    for family, address in _resolve(host, port, variable):
        try:
            return _bind_socket(family, address, is_shared=is_shared)
        except OSError as error:
            refused = error
            if error.errno not in _NO_IPV6:
                break
    assert refused is not None, "every name that resolves has an address"
    raise cannot_listen(host, port, refused, variable) from refused


def cannot_listen(host: str, port: int, error: Exception, variable: str) -> OSError:
    """Return the error of a process that cannot listen on an address, which the setting ``variable`` has."""
    number = getattr(error, "errno", None)
    # asyncio puts the address and itself into the text.
    reason = (
        os.strerror(number)
        if isinstance(number, int) and number in errno.errorcode
        else getattr(error, "strerror", None) or str(error)
    )
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return OSError(f"cannot listen on {address}: {reason}; choose another address with {variable}")


def _bind_socket(family: int, address: Any, *, is_shared: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Connections that the previous process has closed do not keep the address. Another one that listens does.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _resolve(host: str, port: int, variable: str) -> list[tuple[int, Any]]:
    """Return the addresses to try, each with its family."""
    if port > PORT_MAX:
        # `getaddrinfo` would take the port modulo 65,536.
        raise cannot_listen(host, port, ValueError(f"ports end at {PORT_MAX:,}"), variable)
    if not host:
        # The first one takes connections of both kinds, where there are both.
        return [(socket.AF_INET6, ("::", port)), (socket.AF_INET, ("0.0.0.0", port))]  # noqa: S104 - it was asked for
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise cannot_listen(host, port, error, variable) from error
    # A name such as localhost has addresses of both kinds, and some clients try only the older one.
    (family, *_, address) = next((each for each in found if each[0] == socket.AF_INET), found[0])
    return [(family, address)]
