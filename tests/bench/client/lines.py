"""Numbered lines: what a writer has many clients told, so that each of them knows what it misses, and for how long it waited.

A line is the `message` of a `logged` event. It begins with its number and the time at which it was written, in places of a
fixed width: to decode the JSON of every event would cost more than to receive it.
"""

from __future__ import annotations

NUMBER_DIGITS = 10
TIME_DIGITS = 19  # nanoseconds since 1970
REST = "the quick brown fox jumps over the lazy dog"

_MARK = b'"message":"'
_NUMBER_AT = len(_MARK)
_TIME_AT = _NUMBER_AT + NUMBER_DIGITS + 1
_END_AT = _TIME_AT + TIME_DIGITS


def line(number: int, written: int) -> str:
    """The text of a line."""
    return f"{number:0{NUMBER_DIGITS}} {written:0{TIME_DIGITS}} {REST}"


def read(event: bytes) -> tuple[int, int] | None:
    """The number of the line in an event, and when it was written; None when the event has none."""
    mark = event.find(_MARK)
    if mark < 0:
        return None
    return int(event[mark + _NUMBER_AT : mark + _TIME_AT]), int(event[mark + _TIME_AT : mark + _END_AT])
