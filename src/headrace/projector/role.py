"""The role of a projector, and what its readiness says of Postgres and of the log."""

from __future__ import annotations

from time import monotonic

from headrace.log import clock
from headrace.log.connection import Log
from headrace.store.leadership import why_no_answer
from headrace.telemetry import get_logger

ANSWER_SECONDS = 2.0  # after which an answer of Postgres is old; a projector asks at least once a second
PATIENCE_SECONDS = 1.0  # for Postgres in a health check; with that for the log it is within the four that a probe waits

LEADING, STANDING_BY = "leading", "standing by"
_WORKING = frozenset({LEADING, STANDING_BY})

log = get_logger(__name__)


class Role:
    """What a projector does now: it leads, stands by, or says in words why it does neither.

    Args:
        log: What it reads.
        database_url: Where the read model is.
    """

    def __init__(self, log: Log, database_url: str) -> None:
        self._log = log
        self._database_url = database_url
        self._said = "starting"
        # The check that is not ok while the projector neither leads nor stands by.
        self._keeps_from_work = "postgres"
        self._answered_at = 0.0

    @property
    def is_leading(self) -> bool:
        """Whether this is the projector that projects."""
        return self._said == LEADING

    def set(self, role: str) -> None:
        """The projector leads or stands by."""
        self._say(role)

    def blame(self, check: str, why: str) -> None:
        """The projector cannot work, because of ``postgres`` or of the ``log``."""
        self._keeps_from_work = check
        self._say(why)

    def note_answer(self) -> None:
        """Postgres has just answered in the session of the projector."""
        self._answered_at = monotonic()

    async def checks(self) -> dict[str, str]:
        """Ask each thing that the projector depends on, and say how it is."""
        return {
            "nats": self._log.disconnected or "ok",
            "log": await self._log.check() or self._blamed("log") or "ok",
            "clock": clock.problem() or "ok",
            "postgres": self._blamed("postgres") or await self._ask_postgres() or "ok",
        }

    def _blamed(self, check: str) -> str | None:
        return None if self._said in _WORKING or check != self._keeps_from_work else self._said

    async def _ask_postgres(self) -> str | None:
        """Say why Postgres does not answer. A statement of the session may wait for it much longer than a probe does."""
        if monotonic() - self._answered_at < ANSWER_SECONDS:
            return None
        return await why_no_answer(self._database_url, PATIENCE_SECONDS)

    def _say(self, what: str) -> None:
        if what != self._said:
            self._said = what
            log.info(what)
