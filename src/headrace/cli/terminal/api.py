"""The API that a command calls: where it is, the key that is sent to it, and what its refusals mean."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from msgspec import Struct

from headrace.cli.terminal.api_errors import api_errors_explained
from headrace.cli.terminal.api_key import ApiKey
from headrace.client import Client


class Api(Struct, frozen=True):
    """The address of an API, and the key for it."""

    url: str
    key: ApiKey | None = None


@asynccontextmanager
async def open_client(api: Api) -> AsyncGenerator[Client]:
    """Open a client of an API whose errors say what to do.

    Raises:
        CommandFailed: In the block, the API refused (`EXIT_REFUSED`), or it failed or cannot be reached (`EXIT_UNREACHABLE`).
    """
    with api_errors_explained(api.url, api.key):
        async with Client(api.url, key=api.key.text if api.key else None) as client:
            yield client
