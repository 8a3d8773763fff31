"""Open HTTP to the address of an API, as a person or a setting gives it, in the environment of other programs."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from typing import TypeVar

import httpx

from headrace.client.answers import UnusableRequest
from headrace.client.authorization import authorization
from headrace.client.unreachable import refused_certificate
from headrace.loopback import is_this_machine

PORT_MAX = 65_535

Http = TypeVar("Http", httpx.AsyncClient, httpx.Client)

_PASSWORD = re.compile(r"(://[^/?#:@]*:)[^/?#]*@")


def open_http(
    url: str, timeout: float, transport: httpx.AsyncBaseTransport | None = None, *, key: str | None = None
) -> httpx.AsyncClient:
    """Open a client for the requests below ``/api/v1`` of an API. Nothing is sent yet.

    Args:
        url: Where the API is, as ``http://host:port``; it may have a path.
        timeout: Seconds to wait for each step of a request.
        transport: Sends the requests; the network by default.
        key: The API key that each request is sent with; none by default.

    Raises:
        UnusableRequest: This is no address, the key cannot be sent there, or the environment names a proxy or certificates that
            cannot be used.
    """
    return _open(httpx.AsyncClient, url, timeout, transport, key)


def open_blocking_http(
    url: str, timeout: float, transport: httpx.BaseTransport | None = None, *, key: str | None = None
) -> httpx.Client:
    """Open a client that blocks. The arguments and errors are those of `open_http`."""
    return _open(httpx.Client, url, timeout, transport, key)


def _open(make: Callable[..., Http], url: str, timeout: float, transport: object, key: str | None) -> Http:
    base = read_address(url)
    given = {"base_url": base, "timeout": timeout, "headers": authorization(key, base)}
    if transport is not None:
        return make(**given, transport=transport)
    try:
        if is_this_machine(base.host):
            # A proxy of the environment cannot reach a server on this machine.
            return make(**given, trust_env=False, verify=_certificates(base))
        return make(**given)
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        raise UnusableRequest(
            f"the environment has settings for HTTP that cannot be used ({error}): check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, "
            "NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
        ) from error


def read_address(url: str) -> httpx.URL:
    """Return the address below which the API has its resources.

    Raises:
        UnusableRequest: This is no address of an API.
    """
    try:
        given = httpx.URL(url)
        base = httpx.URL(f"{url.rstrip('/')}/api/v1")
        is_address = given.scheme in ("http", "https") and given.host and 0 < (given.port or 1) <= PORT_MAX
    except (httpx.InvalidURL, ValueError):
        is_address = base = given = None
    if not is_address or base is None or given is None or given.query or given.fragment or " " in url:
        raise UnusableRequest(f"{without_password(url)!r} is no address of an API: write it as http://host:port")
    return base


def without_password(url: str) -> str:
    """Return an address as it may be shown: one for a proxy that asks for a password may have it before an ``@``."""
    return _PASSWORD.sub(r"\1(hidden)@", url)


def never_passes(error: httpx.TransportError) -> bool:
    """Tell whether a request that failed so fails each time: the request itself, or the certificate, is wrong."""
    return (
        isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol)
        or refused_certificate(error) is not None
    )


def _certificates(base: httpx.URL) -> ssl.SSLContext | bool:
    # Without TLS there is nothing to verify, and nothing of the environment that could be wrong.
    return httpx.create_ssl_context() if base.scheme == "https" else False
