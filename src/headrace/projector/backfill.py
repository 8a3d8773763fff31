"""Filling rows that an older version has written: the titles, labels and schedules of tasks, and the fingerprints of failures.

The leading projector fills some rows between two pages until none is left. Each row says by itself that it is to be filled, so
whoever leads next goes on where this one stopped.
"""

from __future__ import annotations

import asyncio

import msgspec

from headrace.contracts.fingerprints import fingerprint
from headrace.contracts.labels import label_entries
from headrace.contracts.tasks import TaskError
from headrace.log.memberships import labels_of, schedule_of, title_with_fallback
from headrace.store.filling import Filled, ToFill, fill, filled, list_to_fill
from headrace.store.leadership import LeaderSession
from headrace.telemetry import get_logger

ROWS = 500  # in one transaction, which holds up the page behind it for some thirty milliseconds
PAUSE_SECONDS_MIN = 0.1  # after each transaction, so that a million rows take some minutes
PAUSE_SHARE = 4.0  # likewise, of the time that it took: pages have four fifths of the time

log = get_logger(__name__)

_decode_headers = msgspec.json.Decoder(dict[str, str]).decode
_decode_error = msgspec.json.Decoder(TaskError).decode


class Backfill:
    """Fills rows, some at a time, until none is left."""

    def __init__(self) -> None:
        self._after: str | None = ""
        self._filled = 0
        self._due_at = 0.0

    def begin(self) -> None:
        """Begin anew: a projector of an older version may have led meanwhile."""
        self._after, self._filled = "", 0

    def patience(self, otherwise: float) -> float:
        """Return for how many seconds nothing is filled; ``otherwise`` when no row is left."""
        if self._after is None:
            return otherwise
        return min(otherwise, max(0.0, self._due_at - asyncio.get_running_loop().time()))

    async def fill_when_due(self, session: LeaderSession) -> None:
        """Fill some rows, unless some were filled just now or none is left."""
        began = asyncio.get_running_loop().time()
        if self._after is None or began < self._due_at:
            return
        rows = await list_to_fill(session, self._after, ROWS)
        if rows:
            await fill(session, [fill_row(row) for row in rows])
        elif self._filled:
            log.info("filled the titles and fingerprints of tasks of an older version", tasks=self._filled)
        self._filled += len(rows)
        self._after = rows[-1].id if rows else None
        now = asyncio.get_running_loop().time()
        self._due_at = now + max(PAUSE_SECONDS_MIN, PAUSE_SHARE * (now - began))


def fill_row(row: ToFill) -> Filled:
    """Return what a row is to have: the same as a replay of the log would give it."""
    headers = _decode_headers(row.headers)
    return filled(
        row,
        title=title_with_fallback(headers, row.input.encode(), row.id),
        labels=label_entries(labels_of(headers)),
        schedule=schedule_of(headers),
        fingerprint=None if row.code is None else fingerprint(row.kind, row.code, _message_of(row.error)),
    )


def _message_of(error: str | None) -> str:
    """Return the message of an error. A row is filled whatever its error is, or it would stay to be filled for ever."""
    try:
        return "" if error is None else _decode_error(error).message
    except msgspec.MsgspecError:
        return ""
