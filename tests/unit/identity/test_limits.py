"""Limits without a server: windows, portions, and what several processes may give away of one counter."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.identity.limits import Allowance, Policy, cost_of_batch

NOON = 1_800_000_000.0
MINUTE = Policy("submissions", 600, 60)
DIGEST = bytes(32)


@pytest.mark.parametrize(("limit", "portion"), [(1, 1), (5, 1), (39, 1), (40, 2), (600, 30), (60_000, 3_000)])
def test_a_process_reserves_a_twentieth_of_a_limit_and_counts_small_limits_one_by_one(limit: int, portion: int) -> None:
    assert Policy("reads", limit, 60).portion == portion


@pytest.mark.parametrize(("tasks", "cost"), [(1, 1), (100, 1), (101, 2), (1_000, 10), (100_000, 600)])
def test_a_batch_counts_as_one_submission_for_each_hundred_tasks_and_at_most_as_the_limit(
    tasks: int, cost: int
) -> None:
    assert cost_of_batch(tasks, MINUTE) == cost


@given(
    limit=st.integers(1, 200),
    steps=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 40), st.booleans()), max_size=80),
)
def test_processes_that_share_a_counter_never_give_away_more_than_the_limit(
    limit: int, steps: list[tuple[int, int, bool]]
) -> None:
    policy, counter, given_away = Policy("reads", limit, 60), 0, 0
    processes = [Allowance(policy, DIGEST) for _ in range(5)]
    for each in processes:
        each.enter(NOON, 0.0)
    for process, asked, uses in steps:
        allowance = processes[process]
        if uses and allowance.permits:
            allowance.permits -= 1
            given_away += 1
        elif not allowance.is_spent:
            counter += asked
            allowance.grant(asked, counter)
    held = sum(each.permits for each in processes)
    assert given_away + held <= limit
    assert given_away + held == min(limit, counter)


def test_a_counter_that_began_anew_gives_one_process_no_more_than_the_limit() -> None:
    allowance = Allowance(MINUTE, DIGEST)
    allowance.enter(NOON, 0.0)
    allowance.grant(400, 400)
    allowance.grant(400, 400)
    assert allowance.permits == 600
    assert allowance.is_spent


def test_without_the_counter_a_process_gives_away_the_limit_and_no_more() -> None:
    allowance = Allowance(MINUTE, DIGEST)
    allowance.enter(NOON, 0.0)
    allowance.grant(30, 530)
    while not allowance.is_spent:
        allowance.grant_alone(30)
    assert allowance.permits == 600


def test_a_window_begins_when_the_one_before_ends_and_at_another_moment_for_others() -> None:
    ends: Counter[float] = Counter()
    for number in range(50):
        allowance = Allowance(MINUTE, number.to_bytes(32))
        allowance.enter(NOON, 0.0)
        first = allowance.number
        allowance.enter(NOON + allowance.ends_at - 0.001, 0.0)
        assert allowance.number == first
        allowance.enter(NOON + 60, 0.0)
        assert allowance.number == first + 1
        ends[allowance.ends_at] += 1
    assert len(ends) == 50


def test_the_headers_say_the_limit_and_what_is_left_of_it() -> None:
    allowance = Allowance(MINUTE, DIGEST)
    allowance.enter(NOON, 10.0)
    allowance.grant(30, 130)
    allowance.permits -= 3
    assert MINUTE.header() == b'"submissions";q=600;w=60'
    assert allowance.header(allowance.ends_at - 22.4) == b'"submissions";r=497;t=23'
    allowance.grant(600, 900)
    allowance.permits = 0
    assert allowance.header(allowance.ends_at) == b'"submissions";r=0;t=1'
