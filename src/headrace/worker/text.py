"""Text of handlers, made fit to be sent and to be read by a person."""

from __future__ import annotations

LINE_CHARS_MAX = 4000  # a log line is read by a person


def legible(text: str, chars_max: int) -> str:
    """Cut a text that is too long, and escape lone surrogates, as in the name of a file that is not Unicode."""
    if len(text) > chars_max:
        text = text[: chars_max - 1] + "…"
    return text.encode("utf-8", "backslashreplace").decode()
