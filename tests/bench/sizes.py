"""How much is measured."""

from __future__ import annotations

from typing import NamedTuple


class Sizes(NamedTuple):
    """Of a full run, by default."""

    tasks: int = 10_000
    rounds: int = 5
    warm_up: int = 300
    paced_seconds: int = 20
    starts: int = 3


FULL = Sizes()
QUICK = Sizes(tasks=2_000, rounds=2, warm_up=100, paced_seconds=5, starts=1)
