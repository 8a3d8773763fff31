"""A screen is kept for a second, and never longer than it holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.api.bff.last_good import Key
from headrace.api.bff.screen_cache import BYTES_MAX, ScreenCache
from headrace.contracts.positions import Position
from tests.examples import examples

KEY = Key("u1", "key:1", "ScreenV1", b"")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_screen_ends_after_a_second() -> None:
    clock = Clock()
    cache = ScreenCache(clock)
    cache.keep(KEY, b"body", "etag", Position(1, 5))
    clock.now += 0.9
    kept = cache.find(KEY, None)
    assert kept is not None
    assert kept.body == b"body"
    clock.now += 0.1
    assert cache.find(KEY, None) is None
    assert len(cache) == 0


def test_whoever_asks_for_a_later_position_is_not_given_an_earlier_screen() -> None:
    cache = ScreenCache(Clock())
    cache.keep(KEY, b"body", "etag", Position(1, 5))
    assert cache.find(KEY, Position(1, 5)) is not None
    assert cache.find(KEY, Position(1, 6)) is None
    assert cache.find(KEY, Position(2, 1)) is None


def test_an_event_of_an_owner_drops_all_screens_of_this_owner_and_no_other() -> None:
    cache = ScreenCache(Clock())
    others = KEY._replace(owner="u2")
    for key in (KEY, KEY._replace(query=b"limit=5"), others):
        cache.keep(key, b"body", "etag", Position(1, 5))
    cache.drop("u1")
    assert cache.find(KEY, None) is None
    assert cache.find(others, None) is not None
    assert len(cache) == 1


@examples(100)
@given(
    st.lists(
        st.tuples(st.sampled_from(["keep", "drop", "find", "wait"]), st.integers(0, 9), st.integers(1, BYTES_MAX // 3)),
        max_size=40,
    )
)
def test_it_never_has_more_than_its_bound_whatever_happens(steps: list[tuple[str, int, int]]) -> None:
    clock = Clock()
    cache = ScreenCache(clock)
    kept: dict[Key, tuple[int, float]] = {}
    for what, number, size in steps:
        key = Key(f"u{number % 3}", "key:1", "ScreenV1", str(number).encode())
        match what:
            case "keep":
                cache.keep(key, bytes(size), "etag", Position(1, number))
                kept[key] = (size, clock.now)
            case "drop":
                cache.drop(key.owner)
                kept = {each: value for each, value in kept.items() if each.owner != key.owner}
            case "find":
                found = cache.find(key, None)
                assert found is None or kept[key] == (len(found.body), found.until - 1)
            case _:
                clock.now += 0.4
    assert sum(len(found.body) for each in kept if (found := cache.find(each, None))) <= BYTES_MAX
