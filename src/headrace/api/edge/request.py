"""What routes have in common: the type of a request, ids in paths, parameters of lists, and the address of something new."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.params import Parameter

from headrace.contracts.problems import FieldError
from headrace.contracts.refused_values import SHOWN_CHARS, explain
from headrace.contracts.tasks import ID_PATTERN, KIND_PATTERN, Instant
from headrace.errors import MalformedRequest, TaskNotFound

AT_LEAST_SECONDS = 5.0  # how long a read waits for the projector, which is usually a tenth of a second behind
WAIT_SECONDS_MAX = 60  # of a long poll; proxies close requests without an answer at about that time

AnyRequest = Request[Any, Any, Any]

INSTANT_CHARS_MAX = 64  # twice as many as a time with a time zone has

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


def read_instant(name: str, text: str | None) -> datetime | None:
    """Read a time from a parameter of the query. Litestar would take a number for one, and a time without a time zone.

    Raises:
        MalformedRequest: The text is not a time with a time zone.
    """
    if text is None:
        return None
    try:
        return msgspec.convert(text, Instant)
    except msgspec.ValidationError as error:
        message = explain(str(error)).message
        if _is_instant(text.replace(" ", "+")):
            # Forms write a space as +, so a query that has a + has a space for whoever reads it.
            message = "the + of this time was read as a space; write it as %2B in a query"
        raise MalformedRequest(f"{name}: {message}", [FieldError(path=f"query {name}", message=message)]) from error


def _is_instant(text: str) -> bool:
    try:
        msgspec.convert(text, Instant)
    except msgspec.ValidationError:
        return False
    return True


def explain_joined(name: str, joined: str) -> str:
    """Return how to say several values of a parameter, for somebody who has written them with commas in between."""
    shown = "&".join(f"{name}={each.strip()}" for each in joined[:SHOWN_CHARS].split(","))
    return f"several values are said one by one: {shown}"


def location(collection: str, id_: str) -> dict[str, str]:
    """Return the header that names the address of something that was made or accepted."""
    return {"Location": f"/api/v1/{collection}/{id_}"}
