"""What browsers are told about every answer of the API: how little they may do with it."""

from __future__ import annotations

from litestar.types import HTTPScope

from headrace.api.docs import DOCS_PATH

_EVERYWHERE = (
    # An answer is what its Content-Type says, and not what a browser makes of its bytes.
    (b"x-content-type-options", b"nosniff"),
    # Addresses here have ids, and those of follow links have tokens.
    (b"referrer-policy", b"no-referrer"),
    # A page of another site may not load an answer as an image, a script or a frame. CORS requests are not affected.
    (b"cross-origin-resource-policy", b"same-origin"),
)
_OF_DATA = (*_EVERYWHERE, (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"))
_DOCS_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OF_DOCS = (*_EVERYWHERE, (b"content-security-policy", _DOCS_POLICY))


def security_headers(scope: HTTPScope) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers that the answer to a request has."""
    # The documentation is the only page of the API.
    return _OF_DOCS if scope["path"].startswith(DOCS_PATH) else _OF_DATA
