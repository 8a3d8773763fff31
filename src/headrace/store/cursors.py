"""Cursors: where the next page of a list of tasks or batches begins."""

from __future__ import annotations

import base64
import binascii
import math
import re
from datetime import UTC, datetime
from typing import NamedTuple

from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import ID_PATTERN
from headrace.errors import InvalidCursor

PAGE_ROWS_MAX = 200  # tasks or batches on one page of a list


class Cursor(NamedTuple):
    """The last row of a page; the next page begins after it. Lists are ordered by ``created_at``, then ``id``."""

    created_at: datetime
    id: str

    def __str__(self) -> str:
        return _encode(self.created_at.isoformat(), self.id)

    @classmethod
    def parse(cls, text: str, parameter: str = "cursor") -> Cursor:
        """Read a cursor that a client sends back.

        Args:
            text: The cursor.
            parameter: The parameter of the query that it is in.

        Raises:
            InvalidCursor: The text is not a cursor that `__str__` wrote.
        """
        try:
            created_at, row_id = _decode(text)
            parsed = datetime.fromisoformat(created_at)
            if parsed.tzinfo is None:
                raise ValueError(text)
            return cls(parsed.astimezone(UTC), row_id)
        except (ValueError, OverflowError, binascii.Error) as error:
            raise _refusal(parameter) from error


class DurationCursor(NamedTuple):
    """The last row of a page of a list that is ordered by a duration, the longest first, then ``id``."""

    seconds: float
    id: str

    def __str__(self) -> str:
        return _encode(repr(self.seconds), self.id)

    @classmethod
    def parse(cls, text: str) -> DurationCursor:
        """Read a cursor that a client sends back.

        Raises:
            InvalidCursor: The text is not a cursor that `__str__` wrote.
        """
        try:
            seconds, row_id = _decode(text)
            cursor = cls(float(seconds), row_id)
            if not math.isfinite(cursor.seconds):
                raise ValueError(text)
            return cursor
        except (ValueError, binascii.Error) as error:
            raise _refusal("cursor") from error


def _encode(place: str, row_id: str) -> str:
    return base64.urlsafe_b64encode(f"{place} {row_id}".encode()).decode().rstrip("=")


def _decode(text: str) -> tuple[str, str]:
    """Return the two parts of a cursor.

    Raises:
        ValueError: It has others.
        binascii.Error: It is no base64.
    """
    place, row_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(" ")
    if re.fullmatch(ID_PATTERN, row_id) is None:
        raise ValueError(text)
    return place, row_id


def _refusal(parameter: str) -> InvalidCursor:
    message = "this cursor is not one that such a list handed out; begin again without it"
    return InvalidCursor(message, [FieldError(path=f"query {parameter}", message=message)])
