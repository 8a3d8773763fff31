"""What Postgres cannot hold, made into the nearest thing that it can hold.

Events come from whoever may write to the log, so their texts may have a NUL, their numbers any size and their times any year.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from msgspec import Struct
from sqlalchemy import BigInteger, DateTime, Integer, Text

from headrace.store.columns import column_types
from headrace.store.tables import ActivityRow

R = TypeVar("R", bound=Struct)

# The driver reads and writes the first and the last instant of Python's calendar as the infinities of Postgres, and cannot
# write an instant that is outside of this calendar in UTC.
EARLIEST = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LATEST = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
INTEGER_BITS = 32  # of a column of the type integer
LONG_BITS = 64  # of one of the type bigint
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable_instant(at: datetime) -> datetime:
    """Return the nearest instant that comes back from Postgres as it went in."""
    return min(max(at, EARLIEST), LATEST)


def storable_text(text: str) -> str:
    """Return a text without the characters that Postgres cannot hold: NUL, and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return paired.replace("\0", _REPLACEMENT)


def make_storable(row: R) -> R:
    """Change in a row, in place, what Postgres cannot hold, and return the row. A JSON column is left as it is."""
    for name, column in column_types(type(row)).items():
        value = getattr(row, name)
        match column:
            case Text() if value is not None:
                setattr(row, name, storable_text(value))
            case DateTime() if value is not None:
                setattr(row, name, storable_instant(value))
            case BigInteger() if value is not None:
                setattr(row, name, _within(value, LONG_BITS))
            case Integer() if value is not None:
                setattr(row, name, _within(value, INTEGER_BITS))
            case _:
                pass
    return row


def make_activity_storable(row: ActivityRow) -> None:
    """Change in a row of activity, in place, what Postgres cannot hold."""
    row.owner, row.kind = storable_text(row.owner), storable_text(row.kind)


def _within(number: int, bits: int) -> int:
    """Return the nearest number that a signed column of so many bits holds."""
    largest = 2 ** (bits - 1) - 1
    return min(max(number, -largest - 1), largest)
