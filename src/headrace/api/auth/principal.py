"""The principal of a request: the owner on whose behalf it is made."""

from __future__ import annotations

from headrace.api.edge.request import AnyRequest

LOCAL = "local"


def caller(_request: AnyRequest) -> str:
    """Return the owner on whose behalf a request is made. Until there are accounts, every request is made by `local`."""
    return LOCAL
