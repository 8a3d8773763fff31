"""Counters of limits that only this process asks."""

from __future__ import annotations

from typing import Any, cast

from headrace.api.auth.counters import Counters
from headrace.api.auth.limits import Limits
from headrace.identity.secrets import Secrets
from headrace.settings import LimitsSettings
from tests.accounts import SECRET


class OwnCounters:
    """Counters that nobody else asks, and what they were asked for."""

    def __init__(self) -> None:
        self.digest = Secrets([SECRET]).hash
        self.asked: list[int] = []
        self.counts: dict[Any, int] = {}

    async def add(self, allowance: Any, asked: int) -> int:
        self.asked.append(asked)
        key = (allowance.name, allowance.number)
        self.counts[key] = self.counts.get(key, 0) + asked
        return self.counts[key]


def make_limits(**settings: Any) -> Limits:
    """Make the limits of one process that has no others beside it."""
    return Limits(LimitsSettings(**settings), cast("Counters", OwnCounters()))
