"""The address of a client, also behind proxies, and how the client itself has reached the outermost of them.

`X-Forwarded-For` and `Forwarded` (RFC 7239) have the address of the client first and that of every proxy but the last behind it,
if each proxy adds the address that it was reached from. A client can send these headers as well, so they are read from the right,
only when a trusted proxy has sent the request, and no further than to the first address that is not that of a trusted proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from headrace.api.edge.headers import read_headers
from headrace.settings import ApiSettings

HOPS_MAX = 16  # that are read of a header; more proxies are none
HEADER_CHARS_MAX = 2048  # of all such headers of a request together; what stands further left is not read
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

# A pair of RFC 7239, section 4: a token, and a token or a quoted string. The commas between elements stand outside of quotes.
_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PAIR = re.compile(r'\s*([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^;,"\s]*)\s*(?:;|$)')
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?")


class _Hop(NamedTuple):
    """What one proxy says about whom it was reached from: the address, and with `Forwarded` the scheme and the host."""

    client: str
    scheme: str = ""
    host: str = ""


class Proxies:
    """The proxies whose headers are believed.

    Args:
        trusted: Their addresses and networks.
    """

    def __init__(self, trusted: Iterable[str]) -> None:
        self._networks = tuple(ip_network(each, strict=False) for each in trusted)

    @classmethod
    def of(cls, settings: ApiSettings) -> Proxies:
        """Return the proxies that the settings of an API name."""
        return cls(settings.trusted_proxies.split(",") if settings.trusted_proxies else ())

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
        address, hop = self._outermost(scope, peer)
        scope["client"] = (str(address), 0)
        headers = read_headers(scope)
        scheme = hop.scheme or _rightmost(headers.get(_PROTOCOL, b""))
        if scheme.lower() in _SCHEMES:
            scope["scheme"] = scheme.lower()
        if host := hop.host or _rightmost(headers.get(_HOST, b"")):
            _replace_host(scope, host.encode("latin-1"))

    def _outermost(self, scope: HTTPScope, peer: Address) -> tuple[Address, _Hop]:
        """Return the address of the client, and what the outermost trusted proxy says about how it was reached."""
        listed = self._walk(peer, (_Hop(each) for each in _split_list(_values(scope, _FORWARDED_FOR))))
        forwarded = self._walk(peer, _read_forwarded(_values(scope, _FORWARDED)))
        if listed is None or forwarded is None:
            return listed or forwarded or (peer, _Hop(""))
        # A proxy passes on the header that it does not write itself. When the two differ, one of them is the client's own word.
        return forwarded if listed[0] == forwarded[0] else (peer, _Hop(""))

    def _walk(self, peer: Address, hops: Iterator[_Hop]) -> tuple[Address, _Hop] | None:
        """Follow the hops from the last one to the first that is not trusted; None when there are none."""
        found: tuple[Address, _Hop] | None = None
        for hop in hops:
            address = parse_address(hop.client)
            if address is None:
                return found or (peer, hop)
            found = (address, hop)
            if not self._trusts(address):
                break
        return found

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


def _split_list(given: str) -> list[str]:
    """Split a list, its last part first."""
    return [part.strip().strip('"') for part in reversed(given.split(","))][:HOPS_MAX] if given else []


def _rightmost(given: bytes) -> str:
    return given.decode("latin-1").rpartition(",")[2].strip()


def _read_forwarded(given: str) -> Iterator[_Hop]:
    """Read the elements of a `Forwarded` header, the last one first."""
    for element in list(reversed(_ELEMENT.findall(given)))[:HOPS_MAX]:
        pairs = {name.lower(): _unquote(value) for name, value in _PAIR.findall(element)}
        yield _Hop(pairs.get("for", ""), pairs.get("proto", ""), pairs.get("host", ""))


def _unquote(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _replace_host(scope: HTTPScope, host: bytes) -> None:
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    scope["headers"] = [*headers, (b"host", host)]
    read_headers(scope)[b"host"] = host
