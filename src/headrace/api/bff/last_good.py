"""The parts of screens as they were when they were read last, for when they cannot be read. Bounded; the oldest are forgotten first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from headrace.contracts.positions import Position

BYTES_MAX = 16 << 20  # of the screens whose parts are kept, as they were sent
ENTRY_BYTES = 4 << 10  # of the objects of a screen, however little is on it
AGE_MAX = timedelta(minutes=10)  # after that, an old value misleads more than none


class Key(NamedTuple):
    """One screen as one credential sees it.

    Attributes:
        owner: Whose it is.
        credential: With what it was asked for: two sessions of an account see different things, such as which one is theirs.
        screen: The name of what is sent.
        query: What was asked for: the path, and the query as the request has it.
    """

    owner: str
    credential: str
    screen: str
    query: bytes


class Good(NamedTuple):
    """A part as it was read."""

    value: Any
    at: datetime
    position: Position | None


class LastGood:
    """The parts of screens as they were read last."""

    def __init__(self) -> None:
        self._screens: OrderedDict[Key, tuple[dict[str, Good], int]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._screens)

    def keep(self, key: Key, parts: dict[str, Good], size: int) -> None:
        """Keep the parts of a screen; ``size`` is how many bytes the screen has. What it does not name stays as it was."""
        size += ENTRY_BYTES + len(key.query)
        before, before_size = self._screens.pop(key, ({}, 0))
        self._bytes += size - before_size
        self._screens[key] = ({**before, **parts}, size)
        while self._bytes > BYTES_MAX:
            _, (_, forgotten) = self._screens.popitem(last=False)
            self._bytes -= forgotten

    def find(self, key: Key, names: Iterable[str], now: datetime) -> dict[str, Good]:
        """Return those of the named parts that are known and not too old."""
        parts, _ = self._screens.get(key, ({}, 0))
        return {name: parts[name] for name in names if name in parts and parts[name].at > now - AGE_MAX}
