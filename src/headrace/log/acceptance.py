"""Whether the log takes what is appended. A log that can be read may take nothing, as when the disk of NATS is full.

nats-server 2.15.1 keeps the error of a full disk: after there is room again it leaves appends unanswered until it is started
anew. So an append that was not acknowledged is remembered until another one is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headrace.errors import AppendRefused, HeadraceError
from headrace.log import subjects
from headrace.log.acknowledgement import InProcess
from headrace.telemetry import get_logger

TAKES_NOTHING: Final = "takes nothing: "  # how the check of a log that acknowledges no appends begins

_WITH_SUBSTITUTE: Final = frozenset({subjects.LIMITS_STREAM, subjects.LONG_LIMITS_STREAM})

log = get_logger(__name__)


class Acceptance:
    """Remembers, for each stream, that its newest append went unacknowledged.

    Attributes:
        refused: Why, by stream. Empty while everything is acknowledged.
        on_refused: Called when the log itself has taken nothing for the first time; somebody has to try again then.
    """

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self.on_refused: Callable[[], None] | None = None

    @property
    def problem(self) -> str | None:
        """What is wrong, as health checks say it; None while appends are acknowledged."""
        return next((f"{TAKES_NOTHING}{why}" for why in self.refused.values()), None)

    def note_refused(self, subject: str, error: HeadraceError) -> None:
        """Remember an append that the log did not take. A condition that did not hold is no such case.

        Neither is a counter of a limit: without it each process limits by itself, and the log takes tasks all the same.
        """
        if isinstance(error, AppendRefused | InProcess):
            return
        stream = subjects.stream_of(subject)
        if stream in _WITH_SUBSTITUTE:
            return
        if stream not in self.refused:
            log.error("the log takes nothing", stream=stream, error=error.message)
        self.refused[stream] = error.message
        if stream == subjects.STREAM and self.on_refused is not None:
            self.on_refused()

    def note_taken(self, subject: str) -> None:
        """Remember that the log took an append; for when something is in ``refused``."""
        stream = subjects.stream_of(subject)
        if self.refused.pop(stream, None) is not None:
            log.info("the log takes appends again", stream=stream)
