"""What no route may be sent: requests for a foreign host, from a foreign page, with a body that is not JSON, or with a header twice.

Each check reads the headers only, so a request is refused before its body is read and before a route is looked for.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from headrace.api.edge.cors import as_browsers_send
from headrace.api.edge.headers import read_headers
from headrace.api.edge.hosts import Hosts
from headrace.api.edge.json_body import has_body
from headrace.api.edge.problems import send_problem
from headrace.contracts.problems import FieldError
from headrace.errors import CrossSite, HeadraceError, MalformedRequest, UnsupportedMediaType
from headrace.settings import ApiSettings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

JSON = b"application/json"
NDJSON = b"application/x-ndjson"
FORM = b"application/x-www-form-urlencoded"

VALUE_BYTES_SHOWN = 80  # of a header in a message

# Two of one of these say two different things, and which of them counts would depend on who reads the request.
_SINGLE = frozenset(
    {
        *(b"host", b"origin", b"sec-fetch-site"),
        *(b"content-type", b"content-encoding"),
        *(b"idempotency-key", b"last-event-id"),
        *(b"authorization", b"cookie"),
    }
)
# An empty part, a slash or backslash that is written as its number, or a character so that needs no number (RFC 3986, section 2.3):
# the router would find a route under another path than the rules of a proxy have compared.
_RESPELLED = re.compile(rb"//|%(?:2[dDeEfF]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA]|5[cCfF]|7[eE])")
_WITHOUT_HOST = ("1.0", "1")
_NO_ENCODING = (b"identity", b"")
_UTF_8 = (b"utf-8", b"utf8")


class Rules(NamedTuple):
    """What may come in.

    Attributes:
        hosts: The hosts that the API answers for.
        origins: Origins, besides the host of a request, whose pages may use the API, as browsers send them.
        ndjson_path: The path of the one route that also reads NDJSON.
        form_path: The path of the one route that reads a form, as OAuth 2 wants it. Other pages may not send it one: their site
            is checked, as for every body.
        takes_file: Returns whether the route of a path reads the bytes of a file, which may have any type.
    """

    hosts: Hosts
    origins: Container[bytes | None]
    ndjson_path: str
    form_path: str | None = None
    takes_file: Callable[[str], object] = lambda _: False

    def media_types(self, path: str) -> tuple[bytes, ...]:
        """Return the media types of the bodies that the route of a path reads; none when it reads all."""
        if self.takes_file(path):
            return ()
        if path == self.form_path:
            return (FORM,)
        return (JSON, NDJSON) if path == self.ndjson_path else (JSON,)


def admit(app: ASGIApp, rules: Rules) -> ASGIApp:
    """Pass on the requests that may come in, and answer the others with a problem."""

    async def admitted(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            try:
                _check(scope, rules)
            except HeadraceError as error:
                await send_problem(scope, send, error)
                return
        await app(scope, receive, send)

    return admitted


def public_origins(settings: ApiSettings) -> frozenset[bytes]:
    """Return the origins whose pages are the API's own, whatever a proxy in front of the API makes of the Host header."""
    public = urlsplit(settings.public_url or "")
    return frozenset({as_browsers_send(f"{public.scheme}://{public.netloc}")}) if public.netloc else frozenset()


def _check(scope: HTTPScope, rules: Rules) -> None:
    """Check one request by its headers.

    Raises:
        MalformedRequest: The request has no host, a header twice, or a path in another spelling than its own.
        UnknownHost: The request is for a host that the API does not answer for.
        CrossSite: A page of another site asks for a change.
        UnsupportedMediaType: The body is not JSON.
    """
    headers = read_headers(scope)
    if len(headers) < len(cast("list[tuple[bytes, bytes]]", scope["headers"])):
        _check_repeated(name for name, _ in scope["headers"])
    # The server adds an empty Host to a request that has none. HTTP/1.0 does not know the header.
    if host := headers.get(b"host"):
        rules.hosts.check(host)
    elif scope["http_version"] not in _WITHOUT_HOST:
        raise MalformedRequest("the request has no Host header, which HTTP/1.1 wants (RFC 9112, section 3.2)")
    if _RESPELLED.search(scope.get("raw_path", b"")):
        raise MalformedRequest(
            "the path of the request has an empty part, or % before the number of a character that is sent as it is; "
            "send the path as the documents write it"
        )
    if scope["method"] not in SAFE_METHODS:
        _check_site(headers, rules.origins)
        if has_body(headers):
            _check_body(headers, rules.media_types(scope["path"]))


def _check_repeated(names: Iterable[bytes]) -> None:
    """Refuse a header that is there twice and may be there once.

    Raises:
        MalformedRequest: There is such a header.
    """
    counts = Counter(names)
    for name in _SINGLE:
        if counts[name] > 1:
            message = f"the request has the header {name.decode()} more than once; send it once"
            raise MalformedRequest(message, [FieldError(path=f"header {name.decode()}", message=message)])


def _check_site(headers: Mapping[bytes, bytes], origins: Container[bytes | None]) -> None:
    """Refuse what a page of another site makes its browser send (Fetch Metadata Request Headers, section 2.2).

    `same-site` is another site here: the pages of all ports of a computer are of one site. Over plain HTTP to another computer
    browsers do not name the site; then the page has to be of the host that the request is for. A browser that names both is
    believed when both say that the page is the API's own: one alone may be of something in between.

    Raises:
        CrossSite: The request comes from a page of another site.
    """
    origin = headers.get(b"origin")
    if origin in origins:
        return
    if headers.get(b"sec-fetch-site", b"none") not in (b"same-origin", b"none"):
        raise CrossSite(
            "a page of another site may change nothing here; have the backend of that page send the request, or name its origin in "
            "HEADRACE_API_ORIGINS"
        )
    if origin is not None and origin.partition(b"://")[2] != headers.get(b"host"):
        raise CrossSite(
            "a page of another site may change nothing here; have the backend of that page send the request, or name its origin in "
            "HEADRACE_API_ORIGINS. If the page is the "
            "API's own and a proxy passes on its requests under another host, set HEADRACE_API_PUBLIC_URL"
        )


def _check_body(headers: Mapping[bytes, bytes], taken: tuple[bytes, ...]) -> None:
    """Refuse a body that its route does not read: most read JSON in UTF-8. Nothing ``taken`` is all types.

    A page of another site can make a browser send text, forms and bodies without a type unasked; for JSON the browser asks first.
    So a body without a type is refused as well.

    Raises:
        UnsupportedMediaType: The body has another type, character set or encoding.
    """
    given = headers.get(b"content-type", b"")
    if taken and given != taken[0]:
        media_type, *parameters = given.lower().split(b";")
        if media_type.strip() not in taken:
            wanted = " or ".join(each.decode() for each in taken)
            shown = _show(given) if given else "no Content-Type"
            raise UnsupportedMediaType(f"send the body as Content-Type: {wanted}; this request has {shown}")
        for parameter in parameters:
            name, _, charset = parameter.partition(b"=")
            if name.strip() == b"charset" and charset.strip(b' \t"') not in _UTF_8:
                raise UnsupportedMediaType(f"send the body in UTF-8, not in {_show(charset)} (RFC 8259, section 8.1)")
    encoding = headers.get(b"content-encoding", b"")
    if encoding.strip().lower() not in _NO_ENCODING:
        raise UnsupportedMediaType(f"send the body without Content-Encoding; this request has {_show(encoding)}")


def _show(value: bytes) -> str:
    return repr(value[:VALUE_BYTES_SHOWN].decode("latin-1"))
