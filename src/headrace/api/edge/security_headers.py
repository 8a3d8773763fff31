"""What browsers are told about every answer of the API: how little they may do with it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from litestar.types import HTTPScope

from headrace.api.docs import DOCS_PATH
from headrace.loopback import is_this_machine
from headrace.settings import ApiSettings

Headers = tuple[tuple[bytes, bytes], ...]

# Two years, which is what the preload list of browsers asks for (RFC 6797, section 6.1).
_ONLY_HTTPS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_EVERYWHERE = (
    # Without it, the server would name itself.
    (b"server", b"headrace"),
    # An answer is what its Content-Type says, and not what a browser makes of its bytes.
    (b"x-content-type-options", b"nosniff"),
    # Addresses here have ids, and those of follow links have tokens.
    (b"referrer-policy", b"no-referrer"),
    # A page of another site may not load an answer as an image, a script or a frame. CORS requests are not affected.
    (b"cross-origin-resource-policy", b"same-origin"),
    # No page of ours uses a device, and none that gets into one of ours may ask for it.
    (
        b"permissions-policy",
        b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), publickey-credentials-get=(), usb=()",
    ),
)
_OF_DATA = (
    *_EVERYWHERE,
    # An answer that needed a credential must not be found by the next user of a browser or a proxy.
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_DOCS_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_OF_DOCS = (
    *_EVERYWHERE,
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"content-security-policy", _DOCS_POLICY),
)


class SecurityHeaders(NamedTuple):
    """The headers of all answers, as they are sent.

    Attributes:
        of_data: Those of the answers of the API.
        of_docs: Those of its documentation, which is its only page.
    """

    of_data: Headers = _OF_DATA
    of_docs: Headers = _OF_DOCS

    @classmethod
    def of(cls, settings: ApiSettings) -> SecurityHeaders:
        """Return the headers of an API. One that browsers reach by https tells them never to come in another way."""
        public = urlsplit(settings.public_url or "")
        if public.scheme != "https" or is_this_machine(public.hostname or ""):
            return cls()
        return cls((*_OF_DATA, _ONLY_HTTPS), (*_OF_DOCS, _ONLY_HTTPS))

    def for_request(self, scope: HTTPScope) -> Headers:
        """Return the headers that the answer to a request has."""
        return self.of_docs if scope["path"].startswith(DOCS_PATH) else self.of_data
