"""The cookies of a session: what a browser keeps of it, and sends by itself.

Over HTTPS the names begin with `__Host-`, so that a browser takes them from this host only, and neither from a host beside it nor over
plain HTTP (RFC 6265bis, section 4.1.3.2). Browsers keep no such cookie over plain HTTP, which is what this machine is reached by
without a proxy; so there, and nowhere else, the names have no prefix.

Both cookies are for all paths, because `__Host-` wants that. No script can read either of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from litestar.datastructures import Cookie

from headrace.api.edge.client_address import has_passed_proxy
from headrace.identity_errors import NotAuthenticated
from headrace.loopback import is_this_machine

HOSTS_MAX = 256  # that need not be looked at again; clients of one API use a handful


class CookieNames(NamedTuple):
    """What the cookies of a session are called.

    Attributes:
        access: The cookie with the access token.
        refresh: The cookie with the refresh token.
        are_secure: Whether a browser sends them over HTTPS only.
    """

    access: str
    refresh: str
    are_secure: bool


OVER_HTTPS: Final = CookieNames("__Host-headrace", "__Host-headrace-refresh", are_secure=True)
ON_THIS_MACHINE: Final = CookieNames("headrace", "headrace-refresh", are_secure=False)


def cookie_names(headers: dict[bytes, bytes]) -> CookieNames:
    """Return what the cookies are called under the host that a request is for.

    A proxy may put its own name for the API in place of the public one, so behind a proxy no host is this machine.
    """
    if has_passed_proxy(headers):
        return OVER_HTTPS
    return _names_under(headers.get(b"host", b""))


def access_cookie(headers: dict[bytes, bytes]) -> str | None:
    """Return the access token that a browser sends; None when it sends none.

    Raises:
        NotAuthenticated: It sends two.
    """
    return _value_of(cookie_names(headers).access, headers) if b"cookie" in headers else None


def refresh_cookie(headers: dict[bytes, bytes]) -> str | None:
    """Return the refresh token that a browser sends; None when it sends none.

    Raises:
        NotAuthenticated: It sends two.
    """
    return _value_of(cookie_names(headers).refresh, headers) if b"cookie" in headers else None


def session_cookies(
    headers: dict[bytes, bytes], access: str, access_seconds: int, refresh: str, refresh_seconds: int
) -> list[Cookie]:
    """Return the cookies that give a browser the tokens of a session, each for as long as its token lives."""
    names = cookie_names(headers)
    return [
        _cookie(names.access, access, access_seconds, names),
        _cookie(names.refresh, refresh, refresh_seconds, names),
    ]


def expired_cookies(headers: dict[bytes, bytes]) -> list[Cookie]:
    """Return the cookies that make a browser forget its session."""
    names = cookie_names(headers)
    return [_cookie(name, "", 0, names) for name in (names.access, names.refresh)]


@lru_cache(HOSTS_MAX)
def _names_under(header: bytes) -> CookieNames:
    host = header.decode("latin-1")
    name = host[: host.rindex("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
    return ON_THIS_MACHINE if is_this_machine(name.lower().rstrip(".")) else OVER_HTTPS


def _cookie(name: str, value: str, seconds: int, names: CookieNames) -> Cookie:
    return Cookie(
        key=name, value=value, max_age=seconds, path="/", httponly=True, secure=names.are_secure, samesite="lax"
    )


def _value_of(name: str, headers: dict[bytes, bytes]) -> str | None:
    """Return the value of a cookie.

    A cookie that is there twice was set by two: which one is meant cannot be known.

    Raises:
        NotAuthenticated: The cookie is there twice.
    """
    wanted = name.encode()
    pairs = (each.strip().partition(b"=") for each in headers[b"cookie"].split(b";"))
    found = [value for key, _, value in pairs if key == wanted]
    if len(found) > 1:
        raise NotAuthenticated(
            f"the cookie {name} is there more than once; delete the cookies of this site", remedy=None
        )
    return found[0].decode("latin-1") if found and found[0] else None
