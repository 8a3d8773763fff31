"""Send the key of a program with its requests, and show it nowhere."""

from __future__ import annotations

import re

import httpx

from headrace.client.answers import UnusableRequest

_SENDABLE = re.compile(r"[!-~]+")


def authorization(key: str | None, address: httpx.URL) -> dict[str, str]:
    """Return the header that sends a key with each request to an address; none without a key.

    The client follows no redirects, so the header reaches no other host.

    Raises:
        UnusableRequest: The key cannot be in a header, or the address has a user or a password, which need the same header.
    """
    if key is None:
        return {}
    if not _SENDABLE.fullmatch(key):
        raise UnusableRequest(
            "this is no key of Headrace, because it is empty or has a space, a line break or a letter that is not ASCII: "
            "copy it again, from hr_ to its end"
        )
    if address.userinfo:
        raise UnusableRequest(
            "a request has room for the key or for the user and password of the address, and not for both: "
            "leave the user and password out of the address"
        )
    return {"Authorization": f"Bearer {key}"}
