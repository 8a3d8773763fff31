"""Looking up API keys: only what can be a key, and only so many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from headrace.api.auth import api_keys
from headrace.api.auth.api_keys import ApiKeys
from headrace.identity.key_format import make_key
from headrace.identity.secrets import Secrets
from headrace.identity_errors import IdentityUnavailable


class SlowDatabase:
    """A database that answers when it is told to, and then that it is away."""

    def __init__(self) -> None:
        self.open = 0
        self.gate = asyncio.Event()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Any]:
        self.open += 1
        try:
            await self.gate.wait()
            raise IdentityUnavailable("away")
            yield
        finally:
            self.open -= 1


async def test_few_keys_are_looked_up_at_a_time_and_more_than_can_wait_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_keys, "WAITING_MAX", 10)
    database: Any = SlowDatabase()
    keys = ApiKeys(Secrets(["s" * 40]), database)
    waiting = [asyncio.create_task(keys.verify(make_key())) for _ in range(10)]
    await asyncio.sleep(0)
    assert database.open == api_keys.LOOKUPS_MAX
    with pytest.raises(IdentityUnavailable, match="too many"):
        await keys.verify(make_key())
    database.gate.set()
    assert all(isinstance(each, IdentityUnavailable) for each in await asyncio.gather(*waiting, return_exceptions=True))
    with pytest.raises(IdentityUnavailable, match="away"):
        await keys.verify(make_key())
    assert not keys.takes("hr_" + "a" * 33)
