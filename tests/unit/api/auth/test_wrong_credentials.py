"""Wrong keys of an address are looked up so often and no more; keys that are known go on from there, and good ones are not counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from headrace.api.auth import wrong_credentials
from headrace.api.auth.authentication import verify
from headrace.api.auth.credentials import Credentials
from headrace.api.auth.wrong_credentials import WINDOW_SECONDS, WrongCredentials
from headrace.contracts.identity import Role
from headrace.identity.key_format import is_key, make_key
from headrace.identity.principals import Principal
from headrace.identity_errors import IdentityUnavailable, NotAuthenticated, TooManyRequests


class Database:
    """Has some keys, and counts how often it is asked."""

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()

    def takes(self, token: str) -> bool:
        return is_key(token)

    async def verify(self, token: str) -> Principal | None:
        self.asked += 1
        await self.answers.wait()
        return (
            Principal(id=token, role=Role.MEMBER, scopes=frozenset(), credential="key:k")
            if token in self.keys
            else None
        )


class Process:
    """An API process, as far as it verifies credentials."""

    def __init__(self, database: Database, limit: int) -> None:
        self.now = 100.0
        self.wrong_credentials = WrongCredentials(limit, lambda: self.now)
        limits = SimpleNamespace(wrong_credentials=self.wrong_credentials)
        credentials = Credentials([database], clock=lambda: self.now)
        self.app = SimpleNamespace(state={"api": SimpleNamespace(credentials=credentials, limits=limits)})

    async def ask(self, token: str, address: str) -> str:
        request: Any = SimpleNamespace(app=self.app, scope={"type": "http", "client": (address, 1), "state": {}})
        return (await verify(request, token)).id


HERE, THERE = "192.0.2.1", "2001:db8::1"


async def test_after_so_many_wrong_credentials_no_other_unknown_one_of_the_address_is_looked_up_for_a_minute() -> None:
    known, unknown = make_key(), make_key()
    database = Database(known, unknown)
    process = Process(database, 3)
    await process.ask(known, HERE)
    for address in (HERE, THERE):
        for _ in range(3):
            with pytest.raises(NotAuthenticated):
                await process.ask(make_key(), address)
    asked = database.asked
    # The network of an IPv6 address counts as one.
    for key, address in ((make_key(), HERE), (unknown, HERE), (make_key(), "2001:db8::2")):
        with pytest.raises(
            TooManyRequests, match="3 wrong API keys or reset tokens have come from this address"
        ) as refused:
            await process.ask(key, address)
        assert refused.value.retry_after == WINDOW_SECONDS + 1
    assert database.asked == asked
    assert await process.ask(known, HERE) == known
    assert await process.ask(unknown, "192.0.2.2") == unknown
    process.now += WINDOW_SECONDS
    assert await process.ask(unknown, HERE) == unknown


async def test_of_many_wrong_keys_at_once_no_more_are_looked_up_than_one_after_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wrong_credentials, "WAITING_MAX", 290)
    good = [make_key() for _ in range(20)]
    database = Database(*good)
    process = Process(database, 6)
    database.answers.clear()
    # Some go away before they are answered, which makes no room for others.
    asked = [asyncio.create_task(process.ask(make_key(), HERE)) for _ in range(300)]
    while database.asked < 6:
        await asyncio.sleep(0)
    for each in asked[:3]:
        each.cancel()
    database.answers.set()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert database.asked == 6
    kinds = Counter(type(each) for each in results)
    assert kinds == {asyncio.CancelledError: 3, NotAuthenticated: 3, TooManyRequests: 290, IdentityUnavailable: 4}
    # However many good ones come at once, they wait for each other and are let in, and are not counted.
    assert await asyncio.gather(*(process.ask(each, "192.0.2.2") for each in good)) == good
    assert len(process.wrong_credentials) == 1


async def test_a_bounded_number_of_addresses_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_credentials, "ADDRESSES_MAX", 10)
    process = Process(Database(), 1)
    for number in range(1000):
        with pytest.raises(NotAuthenticated):
            await process.ask(make_key(), f"192.0.{number // 200}.{number % 200}")
    assert len(process.wrong_credentials) == 10
    with pytest.raises(NotAuthenticated):
        await process.ask(make_key(), "192.0.0.0")
    with pytest.raises(TooManyRequests):
        await process.ask(make_key(), "192.0.4.199")
