"""The documentation of the API at `/api/docs`: a page of its own, which needs no other host and no internet.

The page shows the OpenAPI document, which stands beside it as `openapi.json`. Its script and its style are files of this package.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

from litestar import Request, Response, Router, get
from litestar.enums import MediaType
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import OpenAPIRenderPlugin

from headrace.api.auth.access import PUBLIC, access

DOCS_PATH = "/api/docs"

_FILES = Path(__file__).parent


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
    """Serves the page, its script and its style."""

    def __init__(self) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)
        self._page = (_FILES / "page.html").read_bytes()

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Return the page. It reads the document by itself."""
        return self._page

    def receive_router(self, router: Router) -> None:
        """Add the files that the page loads."""
        script = (_FILES / "page.js").read_bytes()
        style = (_FILES / "page.css").read_bytes()

        @get("/page.js", sync_to_thread=False)
        def read_script() -> Response[bytes]:
            return Response(script, media_type="text/javascript; charset=utf-8")

        @get("/page.css", sync_to_thread=False)
        def read_style() -> Response[bytes]:
            return Response(style, media_type="text/css; charset=utf-8")

        router.register(read_script)
        router.register(read_style)
