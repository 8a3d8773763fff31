from __future__ import annotations

from headrace.api.auth.audit_bounds import (
    FAILURES_MAX,
    FAILURES_SECONDS,
    LOOK_SECONDS,
    LOOKS_MAX,
    FailureBudget,
    Looks,
)


def test_an_attack_does_not_fill_the_audit_and_what_was_left_out_is_counted() -> None:
    now = 0.0
    budget = FailureBudget(lambda: now)
    assert [budget.take() for _ in range(FAILURES_MAX + 40)] == [0] * FAILURES_MAX + [None] * 40
    now = FAILURES_SECONDS
    assert [budget.take(), budget.take()] == [40, 0]


def test_the_same_look_at_what_belongs_to_another_has_one_entry_in_a_minute() -> None:
    now = 100.0
    looks = Looks(lambda: now)
    look = ("key:k1", "u2", "/api/v1/tasks")
    assert not looks.is_covered(look)
    looks.cover(look)
    assert looks.is_covered(look)
    assert not looks.is_covered(("key:k2", "u2", "/api/v1/tasks"))
    assert not looks.is_covered(("key:k1", "u3", "/api/v1/tasks"))
    now += LOOK_SECONDS
    assert not looks.is_covered(look)


def test_the_looks_that_are_remembered_are_bounded() -> None:
    looks = Looks(lambda: 1.0)
    for number in range(LOOKS_MAX + 1):
        looks.cover(("key:k1", str(number), None))
    assert not looks.is_covered(("key:k1", "0", None))
    assert looks.is_covered(("key:k1", str(LOOKS_MAX), None))
