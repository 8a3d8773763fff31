"""Addresses in settings: a host and a port, alone or in a URL."""

from __future__ import annotations

import re

ADDRESSES = frozenset({"url", "public_url", "bind", "metrics", "health"})  # the fields that hold some
PORT_MAX = 65_535  # of TCP


def split_bind(bind: str) -> tuple[str, int]:
    """Split ``"127.0.0.1:8080"`` into host and port."""
    host, _, port = bind.rpartition(":")
    return host.strip("[]"), int(port)


def wrong_ports(field: str, given: str) -> list[str]:
    """Return the ports of an address, or of several in a URL, that are beyond the largest one; none for other fields."""
    if field not in ADDRESSES:
        return []
    # A password may have colons and digits; it stands before an @, and a path or a query behind the first slash.
    hosts = given.partition("://")[2].rpartition("@")[2].partition("/")[0] if "://" in given else given
    return [port for port in re.findall(r":([0-9]+)(?=,|$)", hosts) if int(port[:6]) > PORT_MAX]
