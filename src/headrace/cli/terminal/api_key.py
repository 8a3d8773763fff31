"""Find the key that a command sends to an API. A key goes to the server that it was made for, and to no other."""

from __future__ import annotations

from ipaddress import ip_address

import httpx
from msgspec import Struct

from headrace.cli.terminal.saved_keys import SavedKeys
from headrace.client import UnusableRequest
from headrace.client.address import read_address
from headrace.embedded.credentials import Credentials
from headrace.embedded.home import Home
from headrace.settings import Settings

ENVIRONMENT = "HEADRACE_API_KEY"


class ApiKey(Struct, frozen=True, repr_omit_defaults=True):
    """A key, and where it comes from, as in "the key of ``source``"."""

    text: str
    source: str

    def __repr__(self) -> str:
        return f"ApiKey(source={self.source!r})"


def find_key(url: str, settings: Settings) -> ApiKey | None:
    """Find the key for the API at an address; None when there is none, or the address is none.

    It is the one of HEADRACE_API_KEY, else the one that `headrace login` has kept for that server, else that of the home, when
    the server is the one that `headrace up` runs from there.

    Raises:
        CommandFailed: The file of the kept keys cannot be read, or others may read it.
        HomeError: The file of the home's credentials cannot be read.
    """
    if settings.api_key is not None:
        return ApiKey(settings.api_key, ENVIRONMENT)
    try:
        address = read_address(url)
    except UnusableRequest:
        # Whoever sends a request there says what is wrong with it.
        return None
    saved = SavedKeys()
    if (key := saved.of(origin(address))) is not None:
        return ApiKey(key, str(saved.file))
    home = Home.at(settings.home)
    running = home.running()
    if running is None or not is_server_at(httpx.URL(running.api_url), address):
        return None
    return key_of_home(home)


def key_of_home(home: Home) -> ApiKey | None:
    """Return the key of the administrator of a home; None when the home has no credentials.

    Raises:
        HomeError: The file of the credentials cannot be read.
    """
    credentials = Credentials.read(home.credentials)
    return None if credentials is None else ApiKey(credentials.api_key, str(home.credentials))


def origin(address: httpx.URL) -> str:
    """Write which server an address is of: the scheme, the host and the port."""
    port = address.port or {"http": 80, "https": 443}[address.scheme]
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{address.scheme}://{host}:{port}"


def is_server_at(server: httpx.URL, address: httpx.URL) -> bool:
    """Tell whether an address is that of a server which listens at ``server``, maybe on every interface of this machine.

    A name such as ``localhost`` does not count: it may stand for an address on which a program of somebody else listens.
    """
    if origin(server) == origin(address):
        return True
    return (server.scheme, server.port) == (address.scheme, address.port) and _includes(server.host, address.host)


def _includes(listening: str, host: str) -> bool:
    try:
        every, one = ip_address(listening), ip_address(host)
    except ValueError:
        return False
    return every.is_unspecified and one.is_loopback and every.version == one.version
