"""A screen is composed of parts: each has its deadline, and one that fails leaves the others."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

import pytest

from headrace.api.bff.composition import compose
from headrace.api.bff.last_good import BYTES_MAX, ENTRY_BYTES, Good, Key, LastGood
from headrace.api.bff.parts import Found, Part, Reading, read_all
from headrace.contracts.positions import Position
from headrace.errors import InvalidCursor, ReadModelBehind, ReadModelUnavailable
from headrace.log import clock

KEY = Key("u1", "key:1", "ScreenV1", b"")
NEVER = 3600.0  # seconds


async def seven() -> int:
    return 7


async def hangs() -> int:
    await asyncio.sleep(NEVER)
    return 0


async def is_away() -> int:
    raise ReadModelUnavailable("lists and details are not available at the moment; try again shortly")


async def breaks() -> int:
    raise ZeroDivisionError


class OfReadModel:
    """Parts from a read model at a position, which may fail on the way."""

    has_position = True
    seconds = 1.0

    def __init__(self, position: Position, *readings: Reading[Any], behind: ReadModelBehind | None = None) -> None:
        self.names = tuple(each.name for each in readings)
        self._position, self._readings, self._behind = position, readings, behind

    async def read(self, found: Found, /) -> None:
        found.position, found.behind = self._position, self._behind
        session: Any = None
        await read_all(session, self._readings, found)


def reading(name: str, value: object) -> Reading[Any]:
    async def ask(_session: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return Reading(name, ask)


async def test_parts_are_read_at_the_same_time_and_one_that_hangs_ends_with_its_deadline() -> None:
    good, hanging, other = Part("good", seven), Part("hanging", hangs, 0.05), Part("other", hangs, 0.05)
    began = monotonic()
    composed = await compose(LastGood(), KEY, good, hanging, other)
    assert monotonic() - began < 0.5
    assert (composed.value(good), composed.value(hanging)) == (7, None)
    assert [(each.part, each.since, each.error_code) for each in composed.stale] == [
        ("hanging", None, "part_timeout"),
        ("other", None, "part_timeout"),
    ]
    assert composed.position is None


async def test_nobody_waits_for_a_part_that_is_slow_to_be_cancelled() -> None:
    has_ended = asyncio.Event()

    async def ends_slowly() -> int:
        try:
            return await hangs()
        finally:
            # A connection to a Postgres that hangs is closed in two seconds.
            await asyncio.sleep(0.3)
            has_ended.set()

    began = monotonic()
    slow = Part("slow", ends_slowly, 0.05)
    composed = await compose(LastGood(), KEY, slow)
    assert monotonic() - began < 0.25
    assert [each.error_code for each in composed.stale] == ["part_timeout"]
    asked = asyncio.create_task(compose(LastGood(), KEY, Part("left", ends_slowly, NEVER)))
    await asyncio.wait_for(has_ended.wait(), 5)
    has_ended.clear()
    # Whoever has asked may leave.
    asked.cancel()
    await asyncio.wait({asked})
    assert asked.cancelled()
    await asyncio.wait_for(has_ended.wait(), 5)


async def test_no_part_takes_longer_than_the_whole_may() -> None:
    began = monotonic()
    composed = await compose(LastGood(), KEY, Part("hanging", hangs, NEVER))
    assert monotonic() - began < 2
    assert composed.stale[0].message == "there was no answer within 0.8 s; try again shortly"


@pytest.mark.parametrize(("ask", "code"), [(is_away, "read_model_unavailable"), (breaks, "internal")])
async def test_a_part_that_fails_says_why_and_the_others_are_there(ask: Any, code: str) -> None:
    failing, good = Part("failing", ask), Part("good", seven)
    composed = await compose(LastGood(), KEY, failing, good)
    assert composed.value(good) == 7
    assert [(each.part, each.error_code) for each in composed.stale] == [("failing", code)]


async def test_what_is_wrong_with_the_request_is_the_answer_to_all_of_it() -> None:
    async def refuses() -> int:
        raise InvalidCursor("no cursor")

    with pytest.raises(InvalidCursor):
        await compose(LastGood(), KEY, Part("good", seven), Part("refusing", refuses))


async def test_a_part_that_fails_is_what_it_was_and_says_since_when() -> None:
    last_good = LastGood()
    first = await compose(last_good, KEY, Part("part", seven))
    last_good.keep(KEY, dict(first.read), 100)
    part = Part("part", is_away)
    second = await compose(last_good, KEY, part)
    assert second.value(part) == 7
    assert [(each.part, each.since) for each in second.stale] == [("part", first.at)]
    # Of another credential it knows nothing.
    third = await compose(last_good, KEY._replace(credential="key:2"), part)
    assert (third.value(part), third.stale[0].since) == (None, None)


async def test_the_position_is_the_earliest_of_what_is_sent() -> None:
    last_good = LastGood()
    one, two = reading("one", 1), reading("two", 2)
    first = await compose(last_good, KEY, OfReadModel(Position(1, 10), one, two))
    assert first.position == Position(1, 10)
    last_good.keep(KEY, dict(first.read), 100)
    away = reading("two", ReadModelUnavailable("away"))
    second = await compose(last_good, KEY, OfReadModel(Position(1, 20), one, away))
    # The first part is of position 20, and the second one of 10: whoever follows from there misses nothing.
    assert second.position == Position(1, 10)
    assert second.value(two) == 2
    assert [each.part for each in second.stale] == ["two"]


async def test_a_projector_that_is_behind_is_said_of_its_parts_alone() -> None:
    behind = ReadModelBehind("the read model is behind")
    one, good = reading("one", 1), Part("good", seven)
    composed = await compose(LastGood(), KEY, OfReadModel(Position(1, 10), one, behind=behind), good)
    assert composed.value(one) == 1
    assert [(each.part, each.since, each.error_code) for each in composed.stale] == [
        ("one", composed.at, "read_model_behind")
    ]


def test_what_is_remembered_has_a_bound_and_ends() -> None:
    last_good, now = LastGood(), clock.now()
    for number in range(10):
        last_good.keep(KEY._replace(owner=str(number)), {"part": Good(number, now, None)}, BYTES_MAX // 5)
    assert len(last_good) == 4
    assert last_good.find(KEY._replace(owner="9"), ["part", "unknown"], now).keys() == {"part"}
    assert not last_good.find(KEY._replace(owner="0"), ["part"], now)
    assert not last_good.find(KEY._replace(owner="9"), ["part"], now.replace(year=now.year + 1))
    # What is nearly empty takes memory, too.
    for number in range(BYTES_MAX // ENTRY_BYTES + 100):
        last_good.keep(KEY._replace(query=b"q" * ENTRY_BYTES + str(number).encode()), {}, 1)
    assert len(last_good) < BYTES_MAX // ENTRY_BYTES // 2 + 1
