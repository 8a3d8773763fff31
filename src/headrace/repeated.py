"""What goes wrong again and again is logged when it begins, once for each reason, and when it is over; in between it is counted."""

from __future__ import annotations

from structlog.stdlib import BoundLogger

REASONS_MAX = 10  # that are logged of one outage; what has more of them says nothing new


class RepeatedWarning:
    """One thing that is tried until it succeeds.

    Args:
        log: Where it is logged.
        event: What is logged as a warning.
        over: What is logged when it succeeds after all, with how often it did not.

    Attributes:
        problem: Why it failed when it was tried last, for health checks; None when it did not.
    """

    def __init__(self, log: BoundLogger, event: str, over: str) -> None:
        self._log = log
        self._event = event
        self._over = over
        self._reasons: set[str] = set()
        self._count = 0
        self.problem: str | None = None

    def note(self, reason: str, **fields: object) -> None:
        """Note that it has failed, and why."""
        self._count += 1
        self.problem = reason
        if reason not in self._reasons and len(self._reasons) < REASONS_MAX:
            self._reasons.add(reason)
            self._log.warning(self._event, error=reason, **fields)

    def end(self, **fields: object) -> None:
        """Note that it has succeeded."""
        self.problem = None
        if self._count:
            self._log.info(self._over, failed=self._count, **fields)
            self._reasons.clear()
            self._count = 0
