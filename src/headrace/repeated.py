"""What goes wrong again and again is logged when it begins, when it changes, and when it is over; in between it is counted."""

from __future__ import annotations

from structlog.stdlib import BoundLogger


class RepeatedWarning:
    """One thing that is tried until it succeeds.

    Args:
        log: Where it is logged.
        event: What is logged as a warning, once for each reason in a row.
        over: What is logged when it succeeds after all, with how often it did not.
    """

    def __init__(self, log: BoundLogger, event: str, over: str) -> None:
        self._log = log
        self._event = event
        self._over = over
        self._reason: str | None = None
        self._count = 0

    def note(self, reason: str, **fields: object) -> None:
        """It has failed, for a reason."""
        self._count += 1
        if reason != self._reason:
            self._reason = reason
            self._log.warning(self._event, error=reason, **fields)

    def end(self, **fields: object) -> None:
        """It has succeeded."""
        if self._reason is not None:
            self._log.info(self._over, failed=self._count, **fields)
            self._reason, self._count = None, 0
