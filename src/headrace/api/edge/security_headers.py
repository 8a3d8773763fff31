"""What browsers are told about every answer of the API: how little they may do with it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlsplit

from litestar.types import HTTPScope, Scope

from headrace.api.docs import DOCS_PATH
from headrace.api.edge.plain_page import STYLE_SOURCE
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
# The app draws its icon as a data: URL and shows files of tasks as blob: URLs. Vue sets styles through the CSSOM, which is no inline style.
# Files come from, and go to, further origins where they are in a cloud store.
_APP_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:{files}; media-src 'self' blob:{files}; connect-src 'self'{files}; "
    "frame-src 'self' blob:{files}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_OPENER = (b"cross-origin-opener-policy", b"same-origin")
# What is in a file may do nothing, not even where a browser shows it by itself. It says by itself how long it may be kept.
_OF_FILE = (
    *_EVERYWHERE,
    (b"content-security-policy", b"sandbox; default-src 'none'; frame-ancestors 'self'"),
)
_PAGE_POLICY = (
    f"default-src 'none'; style-src {STYLE_SOURCE}; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
).encode()
_OF_PAGE = (
    *_EVERYWHERE,
    (b"cache-control", b"no-store"),
    (b"content-security-policy", _PAGE_POLICY),
)
_KEY = "headrace_kind_of_answer"


class Kind(Enum):
    """What an answer is, where its path does not say so."""

    APP = "app"
    PAGE = "page"
    FILE = "file"


def answer_as(scope: Scope, kind: Kind) -> None:
    """Have the answer to a request carry the headers of a file of the web app, or of a plain page."""
    scope["state"][_KEY] = kind


def _app_policy(file_origins: Iterable[str] = ()) -> tuple[bytes, bytes]:
    files = "".join(f" {origin}" for origin in file_origins)
    return (b"content-security-policy", _APP_POLICY.format(files=files).encode())


class SecurityHeaders(NamedTuple):
    """The headers of all answers, as they are sent.

    Attributes:
        of_data: Those of the answers of the API.
        of_docs: Those of its documentation.
        of_app: Those of the files of the web app, which say themselves how long they may be kept.
        of_page: Those of plain pages.
        of_file: Those of the bytes of files.
    """

    of_data: Headers = _OF_DATA
    of_docs: Headers = _OF_DOCS
    of_app: Headers = (*_EVERYWHERE, _OPENER, _app_policy())
    of_page: Headers = _OF_PAGE
    of_file: Headers = _OF_FILE

    @classmethod
    def of(cls, settings: ApiSettings, file_origins: Iterable[str] = ()) -> SecurityHeaders:
        """Return the headers of an API. One that browsers reach by https tells them never to come in another way.

        Args:
            settings: The settings of the API.
            file_origins: Where browsers find files, besides the API.
        """
        public = urlsplit(settings.public_url or "")
        own = cls(of_app=(*_EVERYWHERE, _OPENER, _app_policy(file_origins)))
        if public.scheme != "https" or is_this_machine(public.hostname or ""):
            return own
        return cls(*((*headers, _ONLY_HTTPS) for headers in own))

    def for_answer(self, scope: HTTPScope) -> Headers:
        """Return the headers of the answer to a request, which begins now."""
        kind = scope["state"].get(_KEY)
        if kind is not None:
            return {Kind.APP: self.of_app, Kind.PAGE: self.of_page, Kind.FILE: self.of_file}[kind]
        return self.of_docs if scope["path"].startswith(DOCS_PATH) else self.of_data
