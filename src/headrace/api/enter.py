"""Sign-in links: whoever is at this machine opens one, and is signed in.

`headrace up` and `headrace enter` print one. It works once, for minutes, and only for a browser of this machine, as the connection and
the Host header both say.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

from litestar import Response, get
from litestar.enums import MediaType
from litestar.response import Redirect

from headrace.api.auth.access import PUBLIC, access
from headrace.api.auth.cookies import ON_THIS_MACHINE, cookie_names
from headrace.api.edge.client_address import is_from_this_machine
from headrace.api.edge.headers import read_headers
from headrace.api.edge.methods import is_head
from headrace.api.edge.plain_page import plain_page
from headrace.api.edge.request import AnyRequest
from headrace.api.edge.security_headers import Kind, answer_as
from headrace.api.state import state_of
from headrace.api.v1.signed_in import cookies_of, device_of, recorder
from headrace.identity_errors import AccountDisabled

ENTER_PATH = "/enter"
# Where a browser is after it has signed in: the web app, which shows the dashboard there.
WELCOME_PATH = "/"

RETRY_SECONDS = 1  # after which a browser may ask ahead of time again; it is given the same answer

_AGAIN = "Run <code>uv run headrace enter</code> on the machine of this server, and open the link that it prints."
_NOT_HERE = (
    "Sign-in links work on the machine of this server only, in a browser that reaches it directly under "
    "<code>127.0.0.1</code> or <code>localhost</code>."
)


@get(f"{ENTER_PATH}/{{token:str}}", opt=access(PUBLIC), include_in_schema=False)
async def enter_by_link(request: AnyRequest, token: str) -> Response[str] | Redirect:
    """Sign in the browser that opens a link, once."""
    headers = read_headers(request.scope)
    if not _is_at_this_machine(request):
        return _page(request, 403, "This link does not work here", _NOT_HERE)
    # Whoever only looks at a link has not opened it, and the link still works afterwards.
    if is_head(request.scope):
        return _page(request, 200, "This link signs you in when you open it", "")
    if _is_prefetch(headers):
        # Browsers drop what they have asked for ahead of time when it fails, and ask again when the link is opened.
        return _page(
            request, 503, "This link signs you in when you open it", "Open it in a browser.", retry_after=RETRY_SECONDS
        )
    try:
        opened = await state_of(request).sessions.enter(token, device_of(request), recorder(request))
    except AccountDisabled as error:
        return _page(request, 403, "You cannot sign in", html.escape(error.message))
    if opened is None:
        return _page(
            request, 410, "This link has been used, or is too old", f"A link works once, for 15 minutes. {_AGAIN}"
        )
    return Redirect(WELCOME_PATH, status_code=303, cookies=cookies_of(request, opened))


def _is_at_this_machine(request: AnyRequest) -> bool:
    """Whether a browser of this machine asks for it directly, by the connection and by the host that it asks."""
    return is_from_this_machine(request.scope) and cookie_names(read_headers(request.scope)) is ON_THIS_MACHINE


def _is_prefetch(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser asks ahead of time, in case that its user opens the link (Fetch, section 3.8: `Sec-Purpose`)."""
    return any(b"prefetch" in headers.get(name, b"") for name in (b"sec-purpose", b"purpose", b"x-moz"))


def _page(request: AnyRequest, status: int, title: str, text: str, retry_after: int | None = None) -> Response[str]:
    """Answer with a page. ``text`` is HTML."""
    answer_as(request.scope, Kind.PAGE)
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Response(plain_page(title, text), status_code=status, media_type=MediaType.HTML, headers=headers)
