"""Who asks."""

from __future__ import annotations

from headrace.api.edge.request import AnyRequest

LOCAL = "local"


def caller(_request: AnyRequest) -> str:
    """The owner on whose behalf a request is made. Until there are accounts, everybody is `local`."""
    return LOCAL
