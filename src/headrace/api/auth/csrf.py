"""Forged requests across sites: a browser sends cookies by itself, also when a page of somebody else makes it send a request.

So a change that is asked for with a cookie has to say two things that such a page cannot make a browser say: that it comes from a page
of this site (the edge refuses the others, see `headrace.api.edge.admission`), and a header of its own. A page can set a header for
another origin only after that one has agreed, and the API agrees only to the origins that its settings name.

What is asked for with the header Authorization needs neither: no browser sends it by itself.
"""

from __future__ import annotations

from headrace.api.edge.admission import SAFE_METHODS
from headrace.identity_errors import CsrfRefused

HEADER = "X-Headrace-CSRF"
VALUE = "1"

_HEADER = HEADER.lower().encode()
_VALUE = VALUE.encode()


def check_csrf(method: str, headers: dict[bytes, bytes], change: str = "a change with a session cookie") -> None:
    """Check that a request with cookies was made by a page of this site.

    Args:
        method: The method of the request.
        headers: Its headers.
        change: What it asks for, for the sentence that refuses it.

    Raises:
        CsrfRefused: It is a change, and does not say so.
    """
    if method in SAFE_METHODS:
        return
    missing: list[str] = []
    if headers.get(_HEADER) != _VALUE:
        missing.append(f"the header `{HEADER}: {VALUE}`")
    if b"origin" not in headers and b"sec-fetch-site" not in headers:
        missing.append("the header Origin (or Sec-Fetch-Site), which browsers send by themselves")
    if missing:
        raise CsrfRefused(
            f"{change} needs {' and '.join(missing)}; a program has it easier with tokens or a key, "
            "as `Authorization: Bearer`"
        )
