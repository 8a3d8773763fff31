"""Credentials that were verified lately: how long they are good, and what is remembered of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import time

import pytest

from headrace.api.auth import credentials as module
from headrace.api.auth.credentials import FRESH_SECONDS, OUTAGE_SECONDS, RETRY_SECONDS, Credentials
from headrace.contracts.identity import Role
from headrace.identity.principals import Principal, scopes_of
from headrace.identity_errors import IdentityUnavailable, NotAuthenticated


def principal(id_: str, expires_at: float | None = None) -> Principal:
    return Principal(
        id=id_, role=Role.MEMBER, scopes=scopes_of(Role.MEMBER), credential=f"key:{id_}", expires_at=expires_at
    )


class Verifies:
    """A verifier that knows the tokens ``good…``, until it is away."""

    def __init__(self, expires_at: float | None = None) -> None:
        self.calls: list[str] = []
        self.expires_at = expires_at
        self.is_away = False
        self.revoked: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()

    def takes(self, token: str) -> bool:
        return token.startswith(("good", "bad"))

    async def verify(self, token: str) -> Principal | None:
        self.calls.append(token)
        await self.gate.wait()
        if self.is_away:
            raise IdentityUnavailable("away")
        return principal(token, self.expires_at) if token.startswith("good") and token not in self.revoked else None


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def make(is_good: Callable[[Principal], bool] = lambda _: True) -> tuple[Credentials, Verifies, Clock]:
    verifier, clock = Verifies(), Clock()
    return Credentials([verifier], is_good, clock), verifier, clock


async def test_a_credential_is_verified_once_and_then_known_for_five_minutes() -> None:
    credentials, verifier, clock = make()
    assert credentials.known("good") is None
    assert (await credentials.verify("good")).id == "good"
    clock.now += FRESH_SECONDS - 1
    assert credentials.known("good") == principal("good")
    clock.now += 1
    assert credentials.known("good") is None
    assert (await credentials.verify("good")).id == "good"
    assert verifier.calls == ["good", "good"]
    assert credentials.known("good") is not None


@pytest.mark.parametrize("token", ["bad", "unheard of"])
async def test_a_credential_that_is_not_valid_is_refused_and_not_remembered(token: str) -> None:
    credentials, _, _ = make()
    for _ in range(2):
        with pytest.raises(NotAuthenticated, match="not valid") as refused:
            await credentials.verify(token)
        assert 'error="invalid_token"' in refused.value.challenge
    assert len(credentials) == 0


async def test_while_it_cannot_be_verified_a_known_credential_works_for_fifteen_minutes_and_an_unknown_one_never() -> (
    None
):
    credentials, verifier, clock = make()
    await credentials.verify("good")
    verifier.is_away = True
    clock.now += FRESH_SECONDS
    assert (await credentials.verify("good")).id == "good"
    # It is tried again only after some seconds, so that an outage does not slow down every request.
    assert credentials.known("good") is not None
    clock.now += RETRY_SECONDS
    assert credentials.known("good") is None
    assert (await credentials.verify("good")).id == "good"
    with pytest.raises(IdentityUnavailable):
        await credentials.verify("good but unknown")
    clock.now = 1000.0 + OUTAGE_SECONDS
    assert credentials.known("good") is None
    with pytest.raises(IdentityUnavailable):
        await credentials.verify("good")


async def test_a_verification_that_hangs_keeps_no_known_credential_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    credentials, verifier, clock = make()
    await credentials.verify("good")
    clock.now += FRESH_SECONDS
    verifier.gate.clear()
    assert (await credentials.verify("good")).id == "good"
    clock.now += RETRY_SECONDS
    assert (await credentials.verify("good")).id == "good"
    assert verifier.calls == ["good", "good"]
    verifier.gate.set()


async def test_a_credential_that_is_not_known_is_not_waited_for_long_and_is_known_once_it_is_verified(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FIRST_SECONDS", 0.01)
    credentials, verifier, _ = make()
    verifier.gate.clear()
    for _ in range(2):
        with pytest.raises(IdentityUnavailable, match="try again"):
            await credentials.verify("good")
    verifier.gate.set()
    assert (await credentials.verify("good")).id == "good"
    assert verifier.calls == ["good"]


async def test_a_credential_that_became_invalid_is_refused_when_it_is_verified_again() -> None:
    credentials, verifier, clock = make()
    await credentials.verify("good")
    verifier.revoked.add("good")
    clock.now += FRESH_SECONDS
    with pytest.raises(NotAuthenticated):
        await credentials.verify("good")
    assert len(credentials) == 0


async def test_many_requests_with_one_credential_wait_for_one_verification() -> None:
    credentials, verifier, _ = make()
    verifier.gate.clear()
    waiting = [asyncio.create_task(credentials.verify("good")) for _ in range(20)]
    await asyncio.sleep(0)
    verifier.gate.set()
    assert {each.id for each in await asyncio.gather(*waiting)} == {"good"}
    assert verifier.calls == ["good"]


@pytest.mark.invariant(8)
async def test_what_is_revoked_while_it_is_being_verified_is_refused() -> None:
    revoked = set[str]()
    credentials, verifier, _ = make(lambda each: each.id not in revoked)
    verifier.gate.clear()
    waiting = asyncio.create_task(credentials.verify("good"))
    await asyncio.sleep(0)
    revoked.add("good")
    verifier.gate.set()
    with pytest.raises(NotAuthenticated):
        await waiting
    assert len(credentials) == 0


async def test_a_forgotten_credential_is_verified_anew_and_the_others_are_not() -> None:
    credentials, _, _ = make()
    await credentials.verify("good a")
    await credentials.verify("good b")
    credentials.forget(lambda each: each.id == "good a")
    assert credentials.known("good a") is None
    assert credentials.known("good b") is not None


async def test_a_credential_is_refused_from_the_second_on_at_which_it_expires() -> None:
    credentials, verifier, _ = make()
    verifier.expires_at = time() - 1
    with pytest.raises(NotAuthenticated):
        await credentials.verify("good")
    assert credentials.known("good") is None


async def test_ten_thousand_credentials_in_turn_are_verified_once_each_and_memory_stays_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    credentials, verifier, _ = make()
    tokens = [f"good {number}" for number in range(10_000)]
    for token in [*tokens, *tokens]:
        assert credentials.known(token) or await credentials.verify(token)
    assert len(verifier.calls) == len(credentials) == 10_000
    monkeypatch.setattr(module, "KNOWN_MAX", 5_000)
    assert credentials.known(tokens[0]) is not None
    await credentials.verify("good one more")
    assert len(credentials) == 5_000
    # The one that was used last stays.
    assert credentials.known(tokens[0]) is not None
    assert credentials.known(tokens[1]) is None


async def test_a_revoked_credential_is_forgotten_with_all_its_tokens_and_nothing_is_kept_of_it() -> None:
    credentials, _, _ = make()
    for token in ("good a", "good b"):
        await credentials.verify(token)
    credentials.forget_credential("key:good a")
    credentials.forget_credential("key:never seen")
    assert credentials.known("good a") is None
    assert credentials.known("good b") is not None
    credentials.forget(lambda each: True)
    assert (len(credentials), credentials._tokens_of) == (0, {})
