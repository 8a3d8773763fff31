"""The answer of a screen on the wire: its ETag, 304 for whoever has it already, and gzip.

`Cache-Control: no-store` stays, so that nothing of it is found on the disk after signing out: a page keeps the ETag and the body in its memory.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from headrace.contracts.screens.envelope import Screen

GZIP_BYTES_MIN = 1024  # below, it would save less than a packet
GZIP_LEVEL = 1  # a fifth of the time of the usual 6, for a tenth more bytes
ETAG_BYTES = 12  # of a hash: two bodies of one screen never have the same

# The answer to a cookie is not that to a key.
_VARY = "Cookie, Authorization, Accept-Encoding"
_MEDIA_TYPE = "application/json"

_encode = msgspec.json.Encoder().encode

SCREEN_ANSWERS = {
    304: ResponseSpec(
        None,
        generate_examples=False,
        description="`If-None-Match` has the ETag of what would be sent: only the time differs.",
    )
}


class Encoded(NamedTuple):
    """A screen as it is sent.

    Attributes:
        at: The time as JSON, which stands in front of everything else.
        body: Everything behind it.
    """

    at: bytes
    body: bytes

    @property
    def etag(self) -> str:
        """The hash of everything but the time. It is weak: with gzip the same has other bytes."""
        return f'W/"{blake2b(self.body, digest_size=ETAG_BYTES).hexdigest()}"'


def encode_screen(screen: Screen) -> Encoded:
    """Encode a screen."""
    at, _, body = _encode(screen).partition(b",")
    return Encoded(at, body)


def encode_time(at: Any) -> bytes:
    """Encode the time as it begins a screen, for one that was encoded before."""
    return b'{"at":' + _encode(at)


def answer(headers: Mapping[str, str], at: bytes, body: bytes, etag: str) -> Response[Any]:
    """Answer a request with a screen, or with 304 when the client has it.

    Args:
        headers: Those of the request.
        at: The time, as `encode_time` makes it.
        body: Everything behind it.
        etag: The hash of that.
    """
    sent = {"ETag": etag, "Vary": _VARY}
    if _has(headers.get("if-none-match", ""), etag):
        return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=sent)
    whole = at + b"," + body
    if len(whole) > GZIP_BYTES_MIN and takes_gzip(headers.get("accept-encoding", "")):
        whole = gzip.compress(whole, GZIP_LEVEL, mtime=0)
        sent["Content-Encoding"] = "gzip"
    return Response(whole, media_type=_MEDIA_TYPE, headers=sent)


def takes_gzip(accepted: str) -> bool:
    """Whether a client takes gzip, by its Accept-Encoding (RFC 9110, section 12.5.3)."""
    weights = dict(_weight(each) for each in accepted.lower().split(",") if each.strip())
    return weights.get("gzip", weights.get("*", False))


def _weight(accepted: str) -> tuple[str, bool]:
    name, _, parameters = accepted.partition(";")
    quality = parameters.replace(" ", "").removeprefix("q=")
    return name.strip(), not quality or any(digit in quality for digit in "123456789")


def _has(given: str, etag: str) -> bool:
    """Whether If-None-Match names an ETag, by the weak comparison (RFC 9110, section 13.1.2)."""
    names = {each.strip().removeprefix("W/") for each in given.split(",")}
    return "*" in names or etag.removeprefix("W/") in names
