"""The headers of a request by name, read once for all that look into them."""

from __future__ import annotations

from typing import cast

from litestar.types import HTTPScope, Scope

_KEY = "headrace_headers"


def read_headers(scope: Scope | HTTPScope) -> dict[bytes, bytes]:
    """Return the headers of a request by their names in lower case. Of a header that comes several times, it has the last."""
    state = scope["state"]
    if _KEY not in state:
        state[_KEY] = dict(cast("list[tuple[bytes, bytes]]", scope["headers"]))
    return cast("dict[bytes, bytes]", state[_KEY])
