from __future__ import annotations

from types import SimpleNamespace

import pytest

from headrace.worker import low_priority_throttle as module
from headrace.worker.low_priority_throttle import ACTIVE_SECONDS, LowPriorityThrottle


def test_low_priority_makes_room_for_a_moment_after_each_start_of_higher_priority(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    throttle = LowPriorityThrottle()
    assert not throttle.is_active
    throttle.note_start()
    assert throttle.is_active
    now += ACTIVE_SECONDS - 0.01
    assert throttle.is_active
    now += 0.02
    assert not throttle.is_active
