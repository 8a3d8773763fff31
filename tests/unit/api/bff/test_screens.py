"""A screen that is asked for again within a second is not composed again, unless something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from litestar.datastructures import MultiDict

from headrace.api.bff import owner_changes
from headrace.api.bff.composition import Composed
from headrace.api.bff.compositions import AT_A_TIME
from headrace.api.bff.parts import Found, Reading
from headrace.api.bff.screens import Screens
from headrace.contracts.identity import Role
from headrace.contracts.positions import Position
from headrace.contracts.screens.envelope import Screen
from headrace.errors import InvalidPosition, LogUnavailable, ReadModelUnavailable
from headrace.identity.principals import Principal, scopes_of
from tests.waiting import until


class NumbersV1(Screen, frozen=True, kw_only=True):
    number: int | None


class Live:
    """The live side of a log, on which tests publish."""

    def __init__(self) -> None:
        self.heard: dict[str, Callable[[str, bytes], None]] = {}
        self.is_away = False

    async def watch(self, subject: str, on_value: Callable[[str, bytes], None]) -> Any:
        if self.is_away:
            raise LogUnavailable("NATS cannot be reached")
        self.heard[subject] = on_value

        async def close() -> None:
            del self.heard[subject]

        return SimpleNamespace(close=close)

    def tell(self, owner: str) -> None:
        for subject, on_value in list(self.heard.items()):
            if f".{owner}." in subject:
                on_value(subject, b"")


class Numbers:
    """A read model whose only row is one higher each time it is read."""

    names = ("number",)
    seconds = 1.0
    has_position = True

    def __init__(self) -> None:
        self.count = 0
        self.position = Position(1, 10)
        self.error: Exception | None = None
        self.began = 0
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def read(self, found: Found, /) -> None:
        self.began += 1
        await self.may_read.wait()
        if self.error is not None:
            raise self.error
        self.count += 1
        found.position = self.position
        found.values["number"] = self.count


async def unused(_session: Any) -> int:
    raise NotImplementedError


NUMBER = Reading("number", unused)


def request(owner: str = "u1", credential: str = "key:1", **query: str) -> Any:
    principal = Principal(id=owner, role=Role.MEMBER, scopes=scopes_of(Role.MEMBER), credential=credential)
    state = {"headrace_principal": principal, "headrace_owner": owner}
    return SimpleNamespace(
        scope={"state": state, "path": "/bff/v1/member/schedules"}, query_params=MultiDict(query), headers={}
    )


def build(composed: Composed) -> NumbersV1:
    return NumbersV1(**composed.envelope, number=composed.value(NUMBER))


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Live:
    # What an owner's last event has changed is written at once here.
    monkeypatch.setattr(owner_changes, "SETTLE_SECONDS", -1.0)
    return Live()


@pytest.fixture
def screens(live: Live) -> Screens:
    log: Any = SimpleNamespace(live=live, is_connected=True)
    return Screens(log)


async def number(screens: Screens, numbers: Numbers, asked: Any = None, at_least: str | None = None) -> int | None:
    answered = await screens.show_for_a_second(asked or request(), NumbersV1, build, numbers, at_least=at_least)
    return msgspec.json.decode(answered.content, type=NumbersV1).number


async def test_within_a_second_it_is_composed_once_for_each_credential_and_query(screens: Screens) -> None:
    numbers = Numbers()
    assert [await number(screens, numbers) for _ in range(3)] == [1, 1, 1]
    assert await number(screens, numbers, request(credential="key:2")) == 2
    assert await number(screens, numbers, request(limit="5")) == 3
    assert await number(screens, numbers, request(owner="u2")) == 4
    assert await number(screens, numbers) == 1


async def test_it_is_composed_once_for_all_who_ask_at_the_same_time(screens: Screens, live: Live) -> None:
    numbers = Numbers()
    numbers.may_read.clear()
    asked = [asyncio.create_task(number(screens, numbers)) for _ in range(5)]
    await until(lambda: numbers.began == 1, "the first reading")
    # Whoever asks first may leave.
    asked.pop(0).cancel()
    # What has changed meanwhile is not to be missed by those who ask from now on.
    live.tell("u1")
    later = [asyncio.create_task(number(screens, numbers)) for _ in range(2)]
    await until(lambda: numbers.began == 2, "the second reading")
    numbers.may_read.set()
    assert await asyncio.gather(*asked) == [1] * 4
    assert await asyncio.gather(*later) == [2] * 2


async def test_a_flood_of_equal_requests_shares_one_composition_that_begins_after_all_have_asked(
    screens: Screens,
) -> None:
    numbers = Numbers()
    numbers.may_read.clear()

    async def ask(**query: str) -> int | None:
        answered = await screens.show(request(**query), NumbersV1, build, numbers)
        return msgspec.json.decode(answered.content, type=NumbersV1).number

    asked = [asyncio.create_task(ask()) for _ in range(100)]
    await until(lambda: numbers.began == AT_A_TIME, "the first readings")
    others = [asyncio.create_task(ask(limit="5")), asyncio.create_task(ask(at_least="1-10"))]
    await until(lambda: numbers.began == AT_A_TIME + 2, "those that are not equal")
    # Whoever has asked first for what is shared may leave.
    asked.pop(AT_A_TIME).cancel()
    numbers.may_read.set()
    answers = await asyncio.gather(*asked)
    assert sorted(await asyncio.gather(*others)) == [AT_A_TIME + 1, AT_A_TIME + 2]
    assert answers == [*range(1, AT_A_TIME + 1), *[AT_A_TIME + 3] * (99 - AT_A_TIME)]
    assert await ask() == AT_A_TIME + 4, "nothing of it is kept"
    await screens.close()


async def test_an_error_is_the_answer_to_all_who_ask_at_the_same_time(screens: Screens) -> None:
    numbers = Numbers()
    numbers.error = InvalidPosition("this is no position")
    asked = await asyncio.gather(*(number(screens, numbers) for _ in range(3)), return_exceptions=True)
    assert asked == [numbers.error] * 3
    numbers.error = None
    assert await number(screens, numbers) == 1


async def test_an_event_of_its_owner_and_a_later_position_have_it_composed_again(screens: Screens, live: Live) -> None:
    numbers = Numbers()
    assert await number(screens, numbers) == 1
    assert await number(screens, numbers, at_least="1-10") == 1
    assert await number(screens, numbers, at_least="1-11") == 2
    live.tell("u2")
    assert await number(screens, numbers) == 2
    live.tell("u1")
    assert await number(screens, numbers) == 3


async def test_right_after_an_event_nothing_is_kept_because_the_projector_has_not_written_it(
    screens: Screens, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner_changes, "SETTLE_SECONDS", 3600.0)
    numbers = Numbers()
    live.tell("u1")
    assert [await number(screens, numbers) for _ in range(3)] == [1, 2, 3]


async def test_while_nobody_would_tell_of_changes_nothing_is_kept(screens: Screens, live: Live) -> None:
    numbers = Numbers()
    live.is_away = True
    assert [await number(screens, numbers) for _ in range(2)] == [1, 2]
    live.is_away = False
    assert [await number(screens, numbers) for _ in range(2)] == [3, 3]


async def test_what_is_stale_is_not_kept_and_what_was_read_last_is_sent(screens: Screens, live: Live) -> None:
    numbers = Numbers()
    assert await number(screens, numbers) == 1
    live.tell("u1")
    numbers.error = ReadModelUnavailable("away")
    assert [await number(screens, numbers) for _ in range(2)] == [1, 1]
    numbers.error = None
    assert await number(screens, numbers) == 2


async def test_a_position_that_cannot_be_read_is_never_answered_from_what_is_kept(screens: Screens) -> None:
    numbers = Numbers()
    assert await number(screens, numbers) == 1
    numbers.error = InvalidPosition("no position")
    with pytest.raises(InvalidPosition):
        await number(screens, numbers, at_least="nonsense")


async def test_owners_whom_nobody_asks_for_are_not_heard_any_longer(
    screens: Screens, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = Numbers()
    await number(screens, numbers)
    assert len(live.heard) == 2
    monkeypatch.setattr(owner_changes, "IDLE_SECONDS", -1.0)
    live.tell("u1")
    await number(screens, numbers, request(owner="u2"))
    assert all(".u2." in subject for subject in live.heard)
