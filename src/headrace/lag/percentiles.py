"""How long the tasks of a kind waited and ran in the last hour. Who has a read model reads it there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct


class Percentiles(Struct, frozen=True, kw_only=True):
    """Times of a kind in seconds; None where nothing is known."""

    wait_p50: float | None = None
    wait_p95: float | None = None
    run_p50: float | None = None
    run_p95: float | None = None


PercentilesReader = Callable[[], Awaitable[Mapping[str, Percentiles]]]


async def nothing_known() -> Mapping[str, Percentiles]:
    """Say nothing: no read model is known."""
    return {}
