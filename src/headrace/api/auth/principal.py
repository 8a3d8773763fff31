"""Who asks."""

from __future__ import annotations

from typing import Any

from litestar import Request

LOCAL = "local"


def caller(_request: Request[Any, Any, Any]) -> str:
    """The owner on whose behalf a request is made. Until there are accounts, everybody is `local`."""
    return LOCAL
