"""The places for streams over several processes, which are told of each other by hand and by one clock."""

from __future__ import annotations

import pytest

from headrace.api.streaming.places import ACCOUNTS_MAX, LEASE_SECONDS, PROCESSES_MAX, Places, Told
from headrace.api.streaming.viewer import Viewer
from headrace.contracts.identity import Role
from headrace.identity.principals import Principal
from headrace.identity_errors import TooManyRequests

LIMIT = 5


def viewer(account: str) -> Viewer:
    return Viewer.of(Principal(id=account, role=Role.MEMBER, scopes=frozenset(), credential=f"key:{account}"))


ADA = viewer("ada")


class Cluster:
    """Processes with the time."""

    def __init__(self, *names: str) -> None:
        self.now = 1000.0
        self.processes = {name: Places(lambda _: LIMIT, lambda: self.now) for name in names}

    def tell(self, name: str) -> Told:
        """Have a process tell the others what is new."""
        told = self.processes[name].take_news()
        for other, places in self.processes.items():
            if other != name:
                places.learn(name, told)
        return told

    def opened(self, name: str, of: Viewer = ADA) -> int:
        """Open as many streams at a process as it permits."""
        for count in range(2 * LIMIT):
            try:
                self.processes[name].reserve(of)
            except TooManyRequests:
                return count
        raise AssertionError("there is no limit")


@pytest.fixture
def two() -> Cluster:
    cluster = Cluster("one", "two")
    # Who begins is told everything by those who hear of it.
    for name in ("one", "two", "one"):
        cluster.tell(name)
    return cluster


def test_what_is_open_at_another_process_takes_a_place_here_until_it_is_closed(two: Cluster) -> None:
    one = two.processes["one"]
    for _ in range(3):
        one.reserve(ADA)
    assert two.tell("one") == Told({"ada": 3}, is_whole=False)
    assert two.opened("two") == 2
    two.tell("two")
    assert two.opened("one") == 0
    assert two.opened("two", viewer("grace")) == LIMIT
    for _ in range(3):
        one.release(ADA)
    assert two.tell("one") == Told({"ada": 0}, is_whole=False)
    assert two.opened("two") == 3


def test_what_is_opened_while_the_news_travels_is_bounded_by_the_limit_of_each_process(two: Cluster) -> None:
    assert (two.opened("one"), two.opened("two")) == (LIMIT, LIMIT)
    two.tell("one")
    two.tell("two")
    two.processes["one"].release(ADA)
    assert two.opened("one") == 0, "all of them are known now"


def test_a_process_that_was_killed_holds_nobody_up_for_longer_than_its_lease(two: Cluster) -> None:
    assert two.opened("one") == LIMIT
    two.tell("one")
    two.now += LEASE_SECONDS - 0.1
    assert two.opened("two") == 0
    two.now += 0.1
    assert two.opened("two") == LIMIT
    assert LEASE_SECONDS <= 15


def test_whoever_begins_or_comes_back_is_told_everything(two: Cluster) -> None:
    assert two.opened("one") == LIMIT
    two.tell("one")
    two.processes["three"] = Places(lambda _: LIMIT, lambda: two.now)
    two.tell("three")
    assert two.processes["one"].has_news.is_set()
    assert two.tell("one") == Told({"ada": LIMIT}, is_whole=True)
    assert two.opened("three") == 0
    assert two.tell("one") == Told({}, is_whole=False)


def test_what_was_lost_on_the_way_is_repaired_by_the_next_message_with_everything(two: Cluster) -> None:
    one = two.processes["one"]
    one.reserve(ADA)
    one.take_news()
    assert two.opened("two") == LIMIT
    one.make_whole_due()
    two.tell("one")
    assert two.opened("two") == 0


def test_what_is_remembered_and_told_is_bounded(two: Cluster) -> None:
    one = two.processes["one"]
    for number in range(PROCESSES_MAX + 5):
        one.learn(str(number), Told({"ada": 1}, is_whole=True))
    assert len(one._others) == PROCESSES_MAX
    two.now += LEASE_SECONDS
    one.learn("new", Told({}, is_whole=True))
    assert set(one._others) == {"new"}
    for number in range(ACCOUNTS_MAX):
        two.processes["two"].reserve(viewer(str(number)))
    for _ in range(2):
        two.processes["two"].reserve(ADA)
    told = two.tell("two")
    assert len(told.streams) == ACCOUNTS_MAX
    assert told.streams["ada"] == 2
    for place in (viewer("0"), ADA, ADA):
        two.processes["two"].release(place)
    assert "ada" not in two.processes["two"]._open


def test_links_take_no_place(two: Cluster) -> None:
    link = Viewer("ada", 2_000_000_000.0)
    for _ in range(2 * LIMIT):
        two.processes["one"].reserve(link)
    two.processes["one"].release(link)
    assert two.opened("one") == LIMIT
