"""Cursors: where the next page of a list of tasks or batches begins."""

from __future__ import annotations

import base64
import binascii
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
        return base64.urlsafe_b64encode(f"{self.created_at.isoformat()} {self.id}".encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor that a client sends back.

        Raises:
            InvalidCursor: The text is not a cursor that `__str__` wrote.
        """
        try:
            created_at, row_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split(" ")
            parsed = datetime.fromisoformat(created_at)
            if parsed.tzinfo is None or re.fullmatch(ID_PATTERN, row_id) is None:
                raise ValueError(text)
            return cls(parsed.astimezone(UTC), row_id)
        except (ValueError, OverflowError, binascii.Error) as error:
            message = "this cursor is not one that a list handed out; begin again without it"
            raise InvalidCursor(message, [FieldError(path="query cursor", message=message)]) from error
