"""What routes have in common: the type of a request, ids in paths, parameters of lists, and the address of something new."""

from __future__ import annotations

import re
from typing import Annotated, Any

from litestar import Request
from litestar.params import Parameter

from headrace.contracts.tasks import ID_PATTERN, KIND_PATTERN
from headrace.errors import TaskNotFound

AT_LEAST_SECONDS = 5.0  # how long a read waits for the projector, which is usually a tenth of a second behind
WAIT_SECONDS_MAX = 60  # of a long poll; proxies close requests without an answer at about that time

AnyRequest = Request[Any, Any, Any]

AtLeast = Annotated[str | None, Parameter(description="Wait until the answer reflects this position.", max_length=41)]
AtCursor = Annotated[str | None, Parameter(max_length=200, description="`next_cursor` of the page before.")]
OfKind = Annotated[str | None, Parameter(pattern=KIND_PATTERN, description="Of this kind.")]

_is_id = re.compile(ID_PATTERN).fullmatch


def is_id(text: str) -> bool:
    """Return whether a text can be the id of something: other texts must not become part of a log subject."""
    return _is_id(text) is not None


def task_id(text: str) -> str:
    """Return a task id from a path, once it is known to be well formed.

    Raises:
        TaskNotFound: No task can have this id.
    """
    if not is_id(text):
        raise TaskNotFound(f"there is no task {text[:80]!r}")
    return text


def location(collection: str, id_: str) -> dict[str, str]:
    """Return the header that names the address of something that was made or accepted."""
    return {"Location": f"/api/v1/{collection}/{id_}"}
