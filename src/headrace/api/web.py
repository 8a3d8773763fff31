"""The web app: its files, and its page for every address that a browser opens and that is none of the API.

The app finds out by itself what to show at an address. Assets are kept by browsers for ever, since their names change with their content;
the page is asked for again each time. An app that is built anew while the API runs is served from then on, and the assets of the one
before stay, for pages that were opened before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from litestar.routes import BaseRoute
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from headrace import web_place
from headrace.api.edge.headers import read_headers
from headrace.api.edge.plain_page import plain_page
from headrace.api.edge.security_headers import Kind, answer_as
from headrace.api.web_files import WebAppTooLarge, WebFile, read_app
from headrace.settings import ApiSettings
from headrace.telemetry import get_logger
from headrace.web_place import ASSETS, INDEX

PAGE_ROUTE = "/{page}"
FILE_ROUTE = "/{file}"
ASSET_ROUTE = f"/{ASSETS}/{{asset}}"

# The operations port has it. Whoever looks for it here should see that it is not.
_ELSEWHERE = frozenset({"metrics"})
_ASSETS = f"/{ASSETS}/"
_FOR_EVER = b"public, max-age=31536000, immutable"
_ASK_AGAIN = b"no-cache"
_CODINGS = ("br", "gzip")  # the smallest first
_BUILDING_SECONDS = 2  # after which a browser asks again for an app that is being built

_NO_APP = (
    'The API works, and its documentation is at <a href="/api/docs">/api/docs</a>. For the web app install Node 20.19 or newer '
    "with npm, and start <code>uv run headrace up</code> again; or run <code>npm ci</code> and <code>npm run build</code> in "
    "<code>frontend</code>. That is for a checkout: a package has the app when it was built before the package was."
)
_BUILDING = "It takes some seconds, the first time up to a minute. This page opens it when it is there."

log = get_logger(__name__)

Version = tuple[int, ...]


class WebApp:
    """A built app in a directory, as it is now. The directory may be empty, or not there yet.

    Args:
        directory: The app.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._version = self._read_version()
        self._files = self._read()
        self._before: Mapping[str, WebFile] = {}
        self._reading = asyncio.Lock()

    @classmethod
    def of(cls, settings: ApiSettings) -> WebApp:
        """Return the app that the settings name, or that of this installation."""
        return cls(web_place.built() if settings.web is None else Path(settings.web))

    async def page(self) -> WebFile | None:
        """Return the page of the app; None when there is no app."""
        await self._keep_up()
        return self._files.get(f"/{INDEX}")

    async def file(self, path: str) -> WebFile | None:
        """Return the file at a path; None when the app has none there."""
        found = self._files.get(path)
        if found is None and path.startswith(_ASSETS):
            await self._keep_up()
            found = self._files.get(path) or self._before.get(path)
        return found

    @property
    def is_being_built(self) -> bool:
        """Whether somebody builds the app at the moment."""
        return web_place.is_being_built(self._directory)

    async def _keep_up(self) -> None:
        """Read the app again when it was built anew."""
        if self._read_version() == self._version:
            return
        async with self._reading:
            version = self._read_version()
            if version == self._version:
                return
            files = await asyncio.to_thread(self._read)
            # An app that is just being replaced is not there for a moment.
            if f"/{INDEX}" not in files:
                return
            if files.get(f"/{INDEX}") != self._files.get(f"/{INDEX}"):
                self._before = {path: each for path, each in self._files.items() if path.startswith(_ASSETS)}
            self._files, self._version = files, version
            log.info("the web app was built anew", files=len(files))

    def _read(self) -> Mapping[str, WebFile]:
        try:
            return read_app(self._directory)
        except (OSError, WebAppTooLarge) as error:
            log.warning("the web app cannot be read", directory=str(self._directory), error=str(error))
            return {}

    def _read_version(self) -> Version:
        """Return what changes when the app is built anew. It costs two system calls."""
        try:
            page, assets = (self._directory / INDEX).stat(), (self._directory / ASSETS).stat()
        except OSError:
            return ()
        return (page.st_ino, page.st_mtime_ns, page.st_size, assets.st_ino, assets.st_mtime_ns)


class Found(NamedTuple):
    """What is served at an address.

    Attributes:
        file: A file of the app.
        route: What logs and metrics call the address.
        cache_control: How long browsers may keep it.
    """

    file: WebFile
    route: str
    cache_control: bytes


def serve_app(api: ASGIApp, web: WebApp, routes: Iterable[BaseRoute]) -> ASGIApp:
    """Answer for the app where a GET request is for it, and pass on everything else.

    Args:
        api: What answers everything else.
        web: The app.
        routes: The routes of the API. An address that begins as one of them is never one of the app.
    """
    of_api = {*_ELSEWHERE, *(route.path.split("/")[1] for route in routes)}

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].split("/")[1] in of_api:
            await api(scope, receive, send)
        elif (found := await _find(web, scope)) is not None:
            scope["path_template"] = found.route
            await _send_file(scope, send, found)
        elif _opens_page(scope):
            scope["path_template"] = PAGE_ROUTE
            await _send_no_app(scope, send, is_being_built=web.is_being_built)
        else:
            await api(scope, receive, send)

    return served


async def _find(web: WebApp, scope: HTTPScope) -> Found | None:
    """Return what the app has for a request; None when it has nothing, or when there is no app."""
    path = scope["path"]
    if path != f"/{INDEX}" and (file := await web.file(path)) is not None:
        return Found(file, ASSET_ROUTE, _FOR_EVER) if path.startswith(_ASSETS) else Found(file, FILE_ROUTE, _ASK_AGAIN)
    if (path == "/" or _opens_page(scope)) and (page := await web.page()) is not None:
        return Found(page, PAGE_ROUTE, _ASK_AGAIN)
    return None


def _opens_page(scope: HTTPScope) -> bool:
    """Tell whether a request asks for a page, as that of a browser which opens an address."""
    return b"text/html" in read_headers(scope).get(b"accept", b"") and not scope["path"].startswith(_ASSETS)


async def _send_file(scope: HTTPScope, send: Send, found: Found) -> None:
    file, asked = found.file, read_headers(scope)
    answer_as(scope, Kind.APP)
    headers = [
        (b"cache-control", found.cache_control),
        (b"etag", file.etag.encode()),
        (b"vary", b"accept, accept-encoding"),
    ]
    if file.etag.encode() in asked.get(b"if-none-match", b""):
        await _send(send, 304, headers, b"")
        return
    coding = _coding_of(asked.get(b"accept-encoding", b"").decode("latin-1"), file)
    headers.append((b"content-type", file.media_type.encode()))
    if coding != "identity":
        headers.append((b"content-encoding", coding.encode()))
    await _send(send, 200, headers, file.encodings[coding])


async def _send_no_app(scope: HTTPScope, send: Send, *, is_being_built: bool) -> None:
    answer_as(scope, Kind.PAGE)
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    if is_being_built:
        headers += [(b"refresh", b"%d" % _BUILDING_SECONDS), (b"retry-after", b"%d" % _BUILDING_SECONDS)]
        await _send(send, 503, headers, plain_page("The web app is being built", _BUILDING).encode())
    else:
        await _send(send, 404, headers, plain_page("The web app is not built", _NO_APP).encode())


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    if status != 304:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _coding_of(accepted: str, file: WebFile) -> str:
    """Return the smallest encoding of a file that a client takes (RFC 9110, section 12.5.3)."""
    given = [part.split(";", 1) for part in accepted.replace(" ", "").lower().split(",")]
    taken = {name for name, *weight in given if not any(each.rstrip(".0") == "q=" for each in weight)}
    return next((coding for coding in _CODINGS if coding in taken and coding in file.encodings), "identity")
