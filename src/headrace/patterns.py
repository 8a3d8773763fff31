"""Finding a pattern in the text of a stranger, exactly as `re` finds it, and not for longer than is allowed.

`re` has no time out, and nothing else runs while it compares; but every few thousand steps it lets the main thread handle
signals. So a timer of the processor time of this process ends a search.
"""

from __future__ import annotations

import re
import signal
import threading

PATTERN_SECONDS = 0.1  # of processor time, for all patterns of one input; everybody waits while one is compared
WHOLE_CHARS_MAX = 64 << 10  # of a text that is searched in one go; a step of `re` may go over the whole text
TIMER = signal.ITIMER_VIRTUAL


class TookTooLong(Exception):
    """A text was not compared with a pattern to the end."""


class TimeAllowed:
    """The processor time, in seconds, that the patterns of one input may take in all."""

    def __init__(self) -> None:
        self.left = PATTERN_SECONDS

    def start(self) -> None:
        """Begin with the next input."""
        self.left = PATTERN_SECONDS


class _Search:
    """The search that the main thread is at. The signal is ignored at any other time."""

    is_running = False
    is_installed = False


def find(pattern: re.Pattern[str], text: str, allowed: TimeAllowed) -> bool:
    """Tell whether a text has a pattern in it. In another thread than the main one, the time is not bounded.

    Args:
        pattern: The pattern.
        text: The text.
        allowed: The time that the search may take; what it took is subtracted.

    Raises:
        TookTooLong: the search did not end within the time.
    """
    if threading.current_thread() is not threading.main_thread():
        return _find(pattern, text)
    if allowed.left <= 0:
        raise TookTooLong
    if not _Search.is_installed:
        signal.signal(signal.SIGVTALRM, _give_up)
        _Search.is_installed = True
    _Search.is_running = True
    try:
        signal.setitimer(TIMER, allowed.left)
        return _find(pattern, text)
    except TookTooLong:
        allowed.left = 0.0
        raise
    finally:
        _Search.is_running = False
        left, _ = signal.setitimer(TIMER, 0)
        allowed.left = min(left, allowed.left)


def _find(pattern: re.Pattern[str], text: str) -> bool:
    if len(text) <= WHOLE_CHARS_MAX:
        return pattern.search(text) is not None
    # This is what a search does, but the signal is handled between two places.
    return any(pattern.match(text, at) for at in range(len(text) + 1))


def _give_up(_signal: int, _frame: object) -> None:
    if _Search.is_running:
        raise TookTooLong
