"""The OpenAPI documents as clients get them, made once for all tests of a process: one takes most of a second."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

from litestar.exceptions.base_exceptions import LitestarDeprecationWarning

from headrace.api.app import create_app
from headrace.api.mounts import DOCUMENTS


@cache
def documents() -> dict[str, dict[str, Any]]:
    """Return each document by its name. Tests leave them as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        return {name: create_app(None, mounts).openapi_schema.to_schema() for name, mounts in DOCUMENTS.items()}
