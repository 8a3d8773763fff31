"""How people read the values of a profile."""

from __future__ import annotations

from .column import Value


def say_value(value: Value) -> str:
    """Return a value as text, a number with six digits; empty when there is none."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.6g}"
        case _:
            return str(value)


def say_moment(written: str) -> str:
    """Return a date of ISO 8601 without what says nothing: zeros behind the seconds, and the offset of UTC."""
    date, _, time = written.partition("T")
    if not time:
        return date
    clock, plus, _ = time.partition("+00:00")
    whole, dot, fraction = clock.partition(".")
    shown = whole + (dot + digits if (digits := fraction.rstrip("0")) else "")
    return f"{date} {shown}{' UTC' if plus else ''}"
