"""The documentation of the API at `/api/docs`: a page of its own, which needs no other host and no internet.

The page shows the OpenAPI document, which stands beside it as `openapi.json`. Its scripts and its style are files of this package.
Whoever signs in on it can try every operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from litestar import Request, Response, Router, get
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import OpenAPIRenderPlugin

from headrace.api.auth.access import PUBLIC, access
from headrace.api.auth.cookies import access_cookie, refresh_cookie
from headrace.api.edge.headers import read_headers

DOCS_PATH = "/api/docs"

_FILES = Path(__file__).parent
_LOADED = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "elements.js": "text/javascript",
    "account.js": "text/javascript",
    "try.js": "text/javascript",
}
_NO_SESSION = b'data-session=""'


def docs_router() -> Router:
    """Return the router of the page and of the document."""
    return Router(
        DOCS_PATH, route_handlers=[], include_in_schema=False, opt=access(PUBLIC), after_request=_refuse_unknown
    )


def _refuse_unknown(response: Response[Any]) -> Response[Any]:
    """Answer an address below the page as every unknown address. Litestar has an HTML page for it."""
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise NotFoundException
    return response


class DocsPage(OpenAPIRenderPlugin):
    """Serves the page, its scripts and its style, and the document of each part of the API.

    Args:
        documents: Return the document of a part, by its name.
    """

    def __init__(self, documents: Mapping[str, Callable[[], bytes]]) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)
        self._documents = documents
        self._page = (_FILES / "page.html").read_bytes()

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page, which reads the document by itself. It is told whether its browser has cookies of a session."""
        headers = read_headers(request.scope)
        found = "access" if access_cookie(headers) else "refresh" if refresh_cookie(headers) else ""
        return self._page.replace(_NO_SESSION, f'data-session="{found}"'.encode())

    def receive_router(self, router: Router) -> None:
        """Add the files that the page loads."""
        for name, media_type in _LOADED.items():
            router.register(_file(name, media_type))
        for name, read in self._documents.items():
            router.register(_document(name, read))


def _document(name: str, read: Callable[[], bytes]) -> HTTPRouteHandler:
    @get(f"/{name}.json", sync_to_thread=True)
    def read_document() -> Response[bytes]:
        return Response(read(), media_type="application/vnd.oai.openapi+json")

    return read_document


def _file(name: str, media_type: str) -> HTTPRouteHandler:
    content = (_FILES / name).read_bytes()

    @get(f"/{name}", sync_to_thread=False)
    def read_file() -> Response[bytes]:
        return Response(content, media_type=f"{media_type}; charset=utf-8")

    return read_file
