"""An outage of Postgres as its users see it: one error with a sentence for whoever asks, and one line in the log for its whole length."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from headrace.errors import HeadraceError
from headrace.repeated import RepeatedWarning
from headrace.store.outages import describe_outage, is_outage
from headrace.telemetry import get_logger

log = get_logger(__name__)


class Outages:
    """Outages that are met while something is read.

    Args:
        what: What cannot be read then, in the singular or the plural, as the log names it.
        unavailable: Makes the error for whoever asks.
    """

    def __init__(self, what: str, unavailable: Callable[[], HeadraceError]) -> None:
        self._unavailable = unavailable
        self._warning = RepeatedWarning(log, f"{what} cannot be read", f"{what} can be read again")

    @contextmanager
    def as_unavailable(self) -> Generator[None]:
        """Turn an outage that the block meets into the error. An error of a statement or of its data passes: it would come again.

        Raises:
            HeadraceError: The error for whoever asks.
        """
        try:
            yield
        except Exception as error:
            if not is_outage(error):
                raise
            self._warning.note(describe_outage(error))
            raise self._unavailable() from error
        self._warning.end()
