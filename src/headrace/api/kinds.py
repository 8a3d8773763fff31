"""The catalog of kinds."""

from __future__ import annotations

from typing import Any

from litestar import Request, get

from headrace.api.resources import resources
from headrace.contracts.kinds import KindList


@get("/kinds", operation_id="list_kinds", summary="The kinds of task that can be submitted", sync_to_thread=False)
def list_kinds(request: Request[Any, Any, Any]) -> KindList:
    """With the JSON Schemas of their inputs and results."""
    return KindList(items=resources(request).catalog.entries())
