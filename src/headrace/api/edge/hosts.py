"""The hosts that an API answers for.

A web page can make its own host name resolve to the address of this API ("DNS rebinding"). Its browser then takes the API for
that page's own server and lets the page read all answers. The Host header still has the name of the page, so an API that answers
only for the hosts it is known under is safe from such pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from headrace.errors import MalformedRequest, UnknownHost
from headrace.settings import ApiSettings, split_bind

ALL = "*"
NAMES_MAX = 256  # Host headers that are remembered as allowed; clients of one API use a handful

_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._~-]{1,253})(?::(\d{0,5}))?")


class Hosts:
    """Decides whether the API answers for a host.

    Names that no page on the internet can have are always allowed: addresses, `localhost` and what is below it, and names without
    a dot, such as those of containers and of computers in a local network. Public DNS has no hosts without a dot.

    Args:
        names: Further hosts, without ports; `*.example.com` is every host below `example.com`, and `*` every host.
    """

    def __init__(self, names: Iterable[str]) -> None:
        wanted = [name.lower() for name in names]
        self._all = ALL in wanted
        self._names = frozenset(wanted)
        self._suffixes = tuple(name[1:] for name in wanted if name.startswith("*."))
        self._allowed: set[bytes] = set()

    @classmethod
    def of(cls, settings: ApiSettings, download_url: str | None = None) -> Hosts:
        """Return the hosts of an API: those of its settings, of its public URL, of its downloads and of its own address."""
        names = settings.hosts.split(",") if settings.hosts else []
        public = [urlsplit(url or "").hostname for url in (settings.public_url, download_url)]
        return cls([*names, *filter(None, (split_bind(settings.bind)[0], *public))])

    def check(self, given: bytes) -> None:
        """Let a Host header pass.

        Raises:
            MalformedRequest: The header is not a host.
            UnknownHost: The API does not answer for this host.
        """
        if given in self._allowed:
            return
        found = _HOST.fullmatch(given.decode("latin-1"))
        if found is None:
            raise MalformedRequest(
                "the Host header of the request is not a host; it is like example.com or 127.0.0.1:8080"
            )
        host = found[1].lower().rstrip(".")
        if not self._is_allowed(host):
            raise UnknownHost(
                f"this API does not answer for the host {host!r}; use another name of it, or add this one to HEADRACE_API_HOSTS"
            )
        if len(self._allowed) < NAMES_MAX:
            self._allowed.add(given)

    def _is_allowed(self, host: str) -> bool:
        return (
            self._all
            or host in self._names
            or host.endswith((".localhost", *self._suffixes))
            or ("." not in host and ":" not in host)
            or _is_address(host)
        )


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
