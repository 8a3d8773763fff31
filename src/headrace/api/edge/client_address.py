"""The address of a client, also behind proxies, and how the client itself has reached the outermost of them.

`X-Forwarded-For` and `Forwarded` (RFC 7239) have the address of the client first and that of every proxy but the last behind it,
if each proxy adds the address that it was reached from. A client can send these headers as well, so they are read from the right,
only when a trusted proxy has sent the request, and no further than to the first address that is not that of a trusted proxy.

A proxy writes one kind of these headers and passes the other on as the client has sent it. So only the kind that the settings name
is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from headrace.api.edge.forwarded import HEADER_CHARS_MAX, UNREADABLE, Hop, read_forwarded, read_listed, rightmost
from headrace.api.edge.headers import read_headers
from headrace.settings import ApiSettings, ProxyHeader

HOME_NETWORK_BITS = 64  # of an IPv6 address: one household or server has all addresses of such a network
ADDRESS_CHARS_MAX = 64  # the longest, in brackets and with a port, has 47
PARSED_MAX = 1_000  # addresses that need not be parsed again

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FORWARDED_FOR = b"x-forwarded-for"
_FORWARDED = b"forwarded"
_PROTOCOL = b"x-forwarded-proto"
_HOST = b"x-forwarded-host"
_OF_PROXIES = (_FORWARDED_FOR, _FORWARDED, _PROTOCOL, _HOST, b"via", b"x-real-ip")
_SCHEMES = ("http", "https")

_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?")


class Proxies:
    """The proxies whose headers are believed.

    Args:
        trusted: Their addresses and networks.
        header: The kind of header that they write. The other kind is a client's own word.
    """

    def __init__(self, trusted: Iterable[str], header: ProxyHeader = "x-forwarded") -> None:
        self._networks = tuple(ip_network(each, strict=False) for each in trusted)
        self._reads_forwarded = header == "forwarded"

    @classmethod
    def of(cls, settings: ApiSettings) -> Proxies:
        """Return the proxies that the settings of an API name."""
        return cls(settings.trusted_proxies.split(",") if settings.trusted_proxies else (), settings.proxy_header)

    def believe(self, app: ASGIApp) -> ASGIApp:
        """Have an application see each request as the client of the outermost trusted proxy has made it."""
        if not self._networks:
            return app

        async def believing(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == ScopeType.HTTP:
                scope.setdefault("state", {})
                self._rewrite(scope)
            await app(scope, receive, send)

        return believing

    def _rewrite(self, scope: HTTPScope) -> None:
        peer = parse_address(_peer(scope))
        if peer is None or not self._trusts(peer):
            return
        address, hop = self._walk(peer, self._hops(scope))
        scope["client"] = (str(address), 0)
        if hop.scheme.lower() in _SCHEMES:
            scope["scheme"] = hop.scheme.lower()
        if hop.host:
            _replace_host(scope, hop.host.encode("latin-1"))

    def _hops(self, scope: HTTPScope) -> Iterable[Hop]:
        """Read what the proxies say, the last one first."""
        if self._reads_forwarded:
            return read_forwarded(_values(scope, _FORWARDED))
        headers = read_headers(scope)
        scheme, host = rightmost(headers.get(_PROTOCOL, b"")), rightmost(headers.get(_HOST, b""))
        return (Hop(each.client, scheme, host) for each in read_listed(_values(scope, _FORWARDED_FOR)))

    def _walk(self, peer: Address, hops: Iterable[Hop]) -> tuple[Address, Hop]:
        """Follow the hops from the last one to the first that is not trusted, or to one that names no address."""
        found: tuple[Address, Hop] | None = None
        for hop in hops:
            address = parse_address(hop.client)
            if address is None:
                return found or (peer, hop)
            found = (address, hop)
            if not self._trusts(address):
                break
        return found or (peer, UNREADABLE)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def client_address(scope: Scope) -> str:
    """Return the address of the client of a request, or the nearest to it that is known; empty when there is none."""
    address = parse_address(_peer(scope))
    return "" if address is None else str(address)


def client_network(scope: Scope) -> str:
    """Return whom limits count a request for: an IPv4 address, or the network of an IPv6 address."""
    address = parse_address(_peer(scope))
    if isinstance(address, IPv6Address):
        return str(ip_network((address, HOME_NETWORK_BITS), strict=False))
    return "" if address is None else str(address)


def is_from_this_machine(scope: Scope) -> bool:
    """Return whether a program of this machine has made a request itself, and no proxy has made it for somebody else."""
    address = parse_address(_peer(scope))
    return address is not None and address.is_loopback and not has_passed_proxy(read_headers(scope))


def has_passed_proxy(headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a proxy says that it has passed on a request, be it trusted or not."""
    return any(name in headers for name in _OF_PROXIES)


def parse_address(text: str) -> Address | None:
    """Read an address, which may have a port or brackets; None when it is something else, as ``unknown``."""
    return _parse(text) if len(text) <= ADDRESS_CHARS_MAX else None


@lru_cache(PARSED_MAX)
def _parse(text: str) -> Address | None:
    found = _WITH_PORT.fullmatch(text.strip())
    try:
        address = ip_address((found[1] or found[2]) if found else text.strip())
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _values(scope: HTTPScope, wanted: bytes) -> str:
    """Return the lines of a header as one, as RFC 9110, section 5.3 has it; of a very long one the end."""
    given = [value for name, value in cast("list[tuple[bytes, bytes]]", scope["headers"]) if name == wanted]
    return b",".join(given).decode("latin-1")[-HEADER_CHARS_MAX:]


def _replace_host(scope: HTTPScope, host: bytes) -> None:
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    scope["headers"] = [*headers, (b"host", host)]
    read_headers(scope)[b"host"] = host
