"""Mounts: the parts of the API, of which one process serves all or some, so that each can be deployed and scaled by itself.

Which mount a route belongs to follows from the route: one that answers with an event stream belongs to `streams`, one for
administrators to `admin`, and every other one to `core`, unless it says otherwise: the screens that everybody has of what is their own
belong to `member`. The health checks, and the documentation of what a process serves, are part of every process. `core` and `streams` have
one OpenAPI document, each other mount one of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, cast

from litestar.handlers import HTTPRouteHandler

from headrace.api.auth.access import rule_of
from headrace.api.edge.methods import path_pattern
from headrace.api.edge.openapi import STREAM_MEDIA_TYPE
from headrace.api.edge.request import AnyRequest
from headrace.contracts.identity import Scope
from headrace.settings import ApiSettings

_OPTION = "mount"


class Mount(StrEnum):
    """A part of the API."""

    CORE = "core"
    MEMBER = "member"
    ADMIN = "admin"
    STREAMS = "streams"


DOCUMENTS = {
    "core": frozenset({Mount.CORE, Mount.STREAMS}),
    "member": frozenset({Mount.MEMBER}),
    "admin": frozenset({Mount.ADMIN}),
}
"""The OpenAPI documents, by name, and the mounts that each describes. A client needs those of its role and no others."""


def belongs_to(mount: Mount) -> dict[str, Any]:
    """Return the `opt` of a route whose mount does not follow from its rule and its answer."""
    return {_OPTION: mount}


def mount_of(handler: HTTPRouteHandler) -> Mount:
    """Return the mount that a route belongs to."""
    if (declared := handler.opt.get(_OPTION)) is not None:
        return declared
    answer = (handler.responses or {}).get(200)
    if answer is not None and answer.media_type == STREAM_MEDIA_TYPE:
        return Mount.STREAMS
    rule = rule_of(handler)
    return Mount.ADMIN if rule is not None and rule.scope is Scope.ADMIN else Mount.CORE


def document_of(mount: Mount) -> str:
    """Return the name of the OpenAPI document that describes a mount."""
    return next(name for name, of in DOCUMENTS.items() if mount in of)


def mounts_of(settings: ApiSettings) -> frozenset[Mount]:
    """Return the mounts that the settings of an API name."""
    return frozenset(map(Mount, settings.mounts.split(",")))


class Elsewhere:
    """The routes that this process does not serve.

    Args:
        handlers: All routes, by the path below which they are.
        mounts: The mounts of this process.
    """

    def __init__(self, handlers: Mapping[str, Iterable[HTTPRouteHandler]], mounts: frozenset[Mount]) -> None:
        self._mounts = mounts
        self._routes = [
            (path_pattern(f"{below}{path}"), handler.http_methods, mount)
            for below, all_below in handlers.items()
            for handler in all_below
            if (mount := mount_of(handler)) not in mounts
            for path in handler.paths
        ]

    def explain(self, method: str, path: str) -> str | None:
        """Return where a route is that this process does not serve; None when no process serves it."""
        found = (mount for pattern, methods, mount in self._routes if method in methods and pattern.fullmatch(path))
        mount = next(found, None)
        if mount is None:
            return None
        served = ", ".join(sorted(self._mounts))
        return f"{method} {path} belongs to the mount {mount}, and this process serves {served}; ask one that serves {mount}"


def served_mounts(request: AnyRequest) -> frozenset[Mount]:
    """Return the mounts that the process of a request serves."""
    return cast("frozenset[Mount]", request.app.state["mounts"])
