"""Addresses in settings: a host and a port, alone or in a URL, and networks."""

from __future__ import annotations

import re
from ipaddress import ip_network

ADDRESSES = frozenset({"url", "public_url", "bind", "ops"})  # the fields that hold some
NETWORKS = frozenset({"trusted_proxies"})
PORT_MAX = 65_535  # of TCP


def split_bind(bind: str) -> tuple[str, int]:
    """Split ``"127.0.0.1:8080"`` into host and port. The host of ``":8080"`` is empty: every address of this machine."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


def wrong_ports(field: str, given: str) -> list[str]:
    """Return the ports of an address, or of several in a URL, that are beyond the largest one; none for other fields."""
    if field not in ADDRESSES:
        return []
    # A password may have colons and digits; it stands before an @, and a path or a query behind the first slash.
    hosts = given.partition("://")[2].rpartition("@")[2].partition("/")[0] if "://" in given else given
    return [port for port in re.findall(r":([0-9]+)(?=,|$)", hosts) if int(port[:6]) > PORT_MAX]


def wrong_networks(field: str, given: str) -> list[str]:
    """Return those of several addresses and networks that are none; none for other fields."""
    return [each for each in given.split(",") if not _is_network(each)] if field in NETWORKS else []


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
