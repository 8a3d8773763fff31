"""Who makes a request, for those who also see requests of nobody: the logs, the audit and the limits."""

from __future__ import annotations

from typing import cast

from litestar.types import HTTPScope

from headrace.identity.principals import Principal

KEY = "headrace_principal"


def known_principal(scope: HTTPScope) -> Principal | None:
    """Return who makes a request; None when it is nobody, or not known yet."""
    return cast("Principal | None", scope["state"].get(KEY))
