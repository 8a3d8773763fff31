"""Whether a process can do its work: the state of each thing that it depends on, in words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

RETRY_SECONDS = 2  # after which a process that is not ready may be asked again; it looks again within that


class HealthReport(msgspec.Struct, frozen=True):
    """``status`` is ``ok`` when every check is; a check says ``ok``, ``ok; …`` with a remark, or what is wrong."""

    status: str
    checks: dict[str, str]


class Readiness(NamedTuple):
    """How a process is, and whether it can do its work in spite of what is wrong."""

    health: HealthReport
    is_ready: bool


Ready = Callable[[], Awaitable[Readiness]]


def summarize(checks: dict[str, str]) -> HealthReport:
    """Summarize several checks in one status."""
    good = all(state == "ok" or state.startswith("ok;") for state in checks.values())
    return HealthReport("ok" if good else "failing", checks)


def all_needed(checks: dict[str, str]) -> Readiness:
    """Return the readiness of a process that cannot work while any of its checks fails."""
    health = summarize(checks)
    return Readiness(health, health.status == "ok")
