"""The headers of a request by name, read once for all that look into them, and those that its answer is given besides its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from litestar.types import HTTPScope, Scope

_KEY = "headrace_headers"
_ANSWER = "headrace_answer_headers"


def read_headers(scope: Scope | HTTPScope) -> dict[bytes, bytes]:
    """Return the headers of a request by their names in lower case. Of a header that comes several times, it has the last."""
    state = scope["state"]
    if _KEY not in state:
        state[_KEY] = dict(cast("list[tuple[bytes, bytes]]", scope["headers"]))
    return cast("dict[bytes, bytes]", state[_KEY])


def answer_with(scope: Scope, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Have the answer to a request carry these headers, whatever the answer is. A later call replaces them."""
    scope["state"][_ANSWER] = headers


def answer_headers(scope: Scope) -> Sequence[tuple[bytes, bytes]]:
    """Return the headers that `answer_with` was given."""
    return cast("Sequence[tuple[bytes, bytes]]", scope["state"].get(_ANSWER, ()))
