"""Errors on the wire: RFC 9457 `application/problem+json` with additional members."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from headrace.contracts.tasks import State


class FieldError(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with the input."""

    path: Annotated[str, Meta(description="JSON Pointer (RFC 6901) into the request body.", examples=["/input/text"])]
    message: str


class Problem(Struct, frozen=True, kw_only=True):
    """What went wrong and what to do about it.

    ``error_code`` is stable and meant for programs; ``message`` (the same sentence as RFC 9457's ``detail``) is for people.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    error_code: str
    message: str
    correlation_id: str
    errors: list[FieldError] = []
    state: Annotated[State | UnsetType, Meta(description="With `task_finished`: how the task ended.")] = UNSET
    error: Annotated[
        str | UnsetType, Meta(description="On `/session/token`: what OAuth 2 calls it (RFC 6749, section 5.2).")
    ] = UNSET


_AT = re.compile(r" - at (`key` in )?`\$([^`]*)`\Z")


def split_path(message: str) -> tuple[str, str]:
    """Split a msgspec error, ``<message> - at `$.a[0].b```, into its message and a JSON Pointer.

    Where msgspec leaves keys out, as in ``$.a[...]``, the pointer ends before the first of them.
    """
    found = _AT.search(message)
    if found is None:
        return message, ""
    of_key, at = found.groups()
    pointer = at.partition("[...]")[0].replace(".", "/").replace("[", "/").replace("]", "")
    text = message[: found.start()]
    return f"a key: {text}" if of_key else text, pointer
