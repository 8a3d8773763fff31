"""The server's own `send`, kept for event streams.

Each middleware wraps `send` in order to see or change the start of a response. Every later message passes all of these wrappers
as well, which would double the cost of each chunk of an event stream. So the outermost middleware keeps the server's `send` in
the scope of the request, and a stream whose response has started sends its chunks with that one.
"""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import iscoroutine
from typing import cast

from litestar.types import Scope, Send

_KEY = "headrace_server_send"


def keep_server_send(scope: Scope, send: Send) -> None:
    """Keep the `send` that the server gave to the outermost middleware."""
    scope["state"][_KEY] = send


def server_send(scope: Scope, send: Send) -> Send:
    """Return the server's own `send`; the given one when the application runs without its middlewares."""
    return cast("Send", scope["state"].get(_KEY, send))


def is_taken(sending: Awaitable[None]) -> bool:
    """Return whether the server has taken a message already, so that nothing has to wait for it.

    Granian takes a chunk at once when its client has taken the chunk before. It returns an awaitable that yields nothing then, and
    else one that is like a future. A coroutine, which another server would return, runs only in the task that awaits it.
    """
    if iscoroutine(sending):
        return False
    is_done = getattr(sending, "done", None)
    # A future must not be asked for what it yields: it could not be awaited after that.
    return is_done() if is_done is not None else next(sending.__await__(), None) is None
