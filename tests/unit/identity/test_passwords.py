"""How passwords are hashed and verified."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from statistics import median
from time import perf_counter

import pytest
from argon2 import PasswordHasher, extract_parameters

from headrace.identity.passwords import HASHINGS_MAX, OPEN_MAX, Passwords
from headrace.identity_errors import TooManySignIns

GOOD = "river stone 9"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


async def test_a_password_is_verified_against_its_hash_and_no_other_is(passwords: Passwords) -> None:
    stored = await passwords.hash_new(GOOD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(GOOD, stored)
    for other in ("river stone 8", GOOD + "\0", GOOD.upper(), "x" * 129, "short", "a" * 12 + "\ud800"):
        assert not await passwords.verify(other, stored)


async def test_what_follows_a_nul_and_the_last_of_128_characters_count(passwords: Passwords) -> None:
    for end in ("\0 one", "\0 two"), ("x" * 114 + "1", "x" * 114 + "2"):
        stored = await passwords.hash_new(GOOD + end[0])
        assert await passwords.verify(GOOD + end[0], stored)
        assert not await passwords.verify(GOOD + end[1], stored)


async def test_a_password_typed_on_another_keyboard_is_verified(passwords: Passwords) -> None:
    assert await passwords.verify("Zu\u0308rich am See", await passwords.hash_new("Zürich am See"))


async def test_two_accounts_with_the_same_password_have_different_hashes(passwords: Passwords) -> None:
    assert await passwords.hash_new(GOOD) != await passwords.hash_new(GOOD)


async def test_an_unknown_account_costs_one_hashing_with_the_same_parameters_as_a_known_one(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    verify = PasswordHasher.verify

    def noted(self: PasswordHasher, stored: str, password: str) -> bool:
        verified.append(stored)
        return verify(self, stored, password)

    stored = await passwords.hash_new(GOOD)
    monkeypatch.setattr(PasswordHasher, "verify", noted)
    assert not await passwords.verify(GOOD, None)
    assert not await passwords.verify("another good one", stored)
    of_nobody, of_somebody = verified
    assert extract_parameters(of_nobody) == extract_parameters(of_somebody)


@pytest.mark.slow
async def test_the_median_times_of_thirty_sign_ins_of_unknown_and_known_accounts_differ_by_less_than_a_tenth(
    passwords: Passwords,
) -> None:
    stored = await passwords.hash_new(GOOD)
    times: dict[str | None, list[float]] = {stored: [], None: []}
    for _ in range(30):
        for account, taken in times.items():
            began = perf_counter()
            assert not await passwords.verify("another good one", account)
            taken.append(perf_counter() - began)
    known, unknown = (median(taken) for taken in times.values())
    assert abs(known - unknown) < 0.1 * known


async def test_a_hash_with_other_parameters_is_verified_and_known_to_be_outdated(passwords: Passwords) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    assert await passwords.verify(GOOD, old)
    assert passwords.is_outdated(old)
    assert not passwords.is_outdated(await passwords.hash_again(GOOD))


async def test_two_hashings_run_at_a_time_and_the_loop_goes_on_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, held = Passwords(), Held()
    monkeypatch.setattr(passwords, "_matches", held)
    asked = [asyncio.create_task(passwords.verify(GOOD, "stored")) for _ in range(HASHINGS_MAX + 3)]
    await held.until_running(HASHINGS_MAX)
    assert held.running == HASHINGS_MAX == 2
    held.release()
    assert await asyncio.gather(*asked) == [True] * len(asked)
    assert held.most == HASHINGS_MAX


async def test_sign_ins_past_the_queue_are_refused_and_taken_again_when_it_is_shorter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passwords, held = Passwords(), Held()
    monkeypatch.setattr(passwords, "_matches", held)
    asked = [asyncio.create_task(passwords.verify(GOOD, "stored")) for _ in range(OPEN_MAX)]
    await held.until_running(HASHINGS_MAX)
    with pytest.raises(TooManySignIns) as refused:
        await passwords.verify(GOOD, None)
    assert (refused.value.status, refused.value.code, refused.value.retry_after) == (503, "too_many_sign_ins", 1)
    # A client that left makes room.
    asked.pop().cancel()
    await asyncio.sleep(0)
    asked.append(asyncio.create_task(passwords.verify(GOOD, "stored")))
    held.release()
    assert all(await asyncio.gather(*asked))


class Held:
    """A hashing that waits until it is released, and counts how many run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self.running = self.most = 0
        self.release: Callable[[], None] = self._released.set

    def __call__(self, stored: str, password: str) -> bool:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self._loop.call_soon_threadsafe(self._changed.set)
        self._released.wait(10)
        with self._lock:
            self.running -= 1
        return True

    async def until_running(self, count: int) -> None:
        while self.running < count:
            await asyncio.wait_for(self._changed.wait(), 10)
            self._changed.clear()
