"""Positions of events in the log."""

from __future__ import annotations

import re
from typing import NamedTuple

_WRITTEN = re.compile(r"(\d{1,19})-(\d{1,19})", re.ASCII)
_BIGINT_MAX = 2**63 - 1  # both parts are bigint columns in the read model


class Position(NamedTuple):
    """A place in the log, written ``<epoch>-<sequence>``; a later position compares as greater.

    ``epoch`` is the creation time of the stream in milliseconds since 1970, so a log that was lost and made anew gives
    positions that compare as greater. ``sequence`` is the stream sequence of an event, 0 for "before the first".
    """

    epoch: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.sequence}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Parse a written position.

        Raises:
            ValueError: The text is not ``<epoch>-<sequence>`` with two non-negative 64-bit numbers.
        """
        match = _WRITTEN.fullmatch(text)
        if match is None or any(int(part) > _BIGINT_MAX for part in match.groups()):
            raise ValueError(f"{text[:60]!r} is not a position of the form <epoch>-<sequence>")
        return cls(int(match[1]), int(match[2]))
