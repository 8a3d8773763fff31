"""How a screen is composed: its sources are read, and a part that failed is what it was when it was read last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from headrace.api.bff.last_good import Good, Key, LastGood
from headrace.api.bff.parts import Found, Part, Reading, Source, read_sources
from headrace.contracts.positions import Position
from headrace.contracts.screens.envelope import Stale
from headrace.log import clock

T = TypeVar("T")


class Composed(NamedTuple):
    """What a screen is made of.

    Attributes:
        at: When it was composed.
        position: What the parts from the read model reflect, all of them; None without such parts.
        stale: Which parts could not be read.
        parts: The values, by name.
        read: What was read now, to be kept.
    """

    at: datetime
    position: Position | None
    stale: list[Stale]
    parts: Mapping[str, Any]
    read: Mapping[str, Good]

    def value(self, part: Part[T] | Reading[T]) -> T | None:
        """Return a part; None when nothing is known of it."""
        return self.parts.get(part.name)

    @property
    def envelope(self) -> dict[str, Any]:
        """The fields that every screen has."""
        position = None if self.position is None else str(self.position)
        return {"at": self.at, "position": position, "stale": self.stale}


async def compose(last_good: LastGood, key: Key, *sources: Source) -> Composed:
    """Read the sources of a screen.

    Raises:
        HeadraceError: The request cannot be answered; the status is below 500.
    """
    found = await read_sources(sources)
    now = clock.now()
    of_read_model = {name for each in sources if each.has_position for name in each.names}
    read = {
        name: Good(value, now, found.position if name in of_read_model else None)
        for name, value in found.values.items()
    }
    old = last_good.find(key, found.errors, now)
    positions = [each.position for each in (*read.values(), *old.values()) if each.position is not None]
    return Composed(
        at=now,
        # A page that follows from the earliest of them misses nothing; it ignores what a later part shows already.
        position=min(positions, default=found.position),
        stale=[*_failed(found, old), *_behind(found, read, now)],
        parts={name: each.value for name, each in (old | read).items()},
        read=read,
    )


def _failed(found: Found, old: Mapping[str, Good]) -> list[Stale]:
    return [
        Stale(
            part=name,
            since=old[name].at if name in old else None,
            error_code=error.code,
            message=error.message,
        )
        for name, error in found.errors.items()
    ]


def _behind(found: Found, read: Mapping[str, Good], now: datetime) -> list[Stale]:
    """Say of the parts from the read model that they are earlier than the request asks for, if they are."""
    behind = found.behind
    if behind is None:
        return []
    return [
        Stale(part=name, since=now, error_code=behind.code, message=behind.message)
        for name, each in read.items()
        if each.position is not None
    ]
