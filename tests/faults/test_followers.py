"""Whom the clients of a run follow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests.faults.followers import newest_not_followed


def test_the_newest_task_is_followed_that_nobody_follows_although_none_was_accepted_since() -> None:
    followers: list[Any] = [SimpleNamespace(of="all"), SimpleNamespace(of="second"), SimpleNamespace(of="third")]
    assert newest_not_followed(["first", "second", "third", "fourth"], followers) == "fourth"
    assert newest_not_followed(["first", "second", "third"], followers) == "first"
    assert newest_not_followed(["second", "third"], followers) is None
    assert newest_not_followed([], followers) is None
