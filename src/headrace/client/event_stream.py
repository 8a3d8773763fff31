"""Parse server-sent events from bytes as they arrive (WHATWG HTML, section 9.2.6)."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")
_DIGITS = re.compile(r"[0-9]{1,9}")  # milliseconds; nine digits are eleven days


class Frame(NamedTuple):
    """One dispatched event; ``last_event_id`` is the last id of the stream up to it."""

    event: str
    data: str
    last_event_id: str


class EventStreamParser:
    """Parses `text/event-stream` in chunks of any size.

    Args:
        last_event_id: The cursor of the previous connection.

    Attributes:
        last_event_id: The cursor: the id of the last block, also of a block without data.
        retry: Milliseconds to wait before the next connection, as the server asked; None until it does.
    """

    def __init__(self, last_event_id: str = "") -> None:
        self.last_event_id = last_event_id
        self.retry: int | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        # The last chunk ended with a carriage return, so a line feed at the beginning of the next one belongs to it.
        self._after_cr = False
        # The parts of a line that has not ended yet.
        self._partial: list[str] = []
        self._event = ""
        self._data: list[str] = []
        self._id = last_event_id

    @property
    def waiting(self) -> int:
        """How many characters the event has that is not complete yet."""
        return sum(map(len, self._partial)) + sum(map(len, self._data))

    def feed(self, chunk: bytes) -> list[Frame]:
        """Parse the next bytes, and return the events that they complete."""
        text = self._decoder.decode(chunk)
        if not text:
            return []
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        *lines, rest = _LINE_END.split(text)
        if lines:
            lines[0] = "".join(self._partial) + lines[0]
            self._partial.clear()
        self._partial.append(rest)
        return [frame for line in lines if (frame := self._parse_line(line)) is not None]

    def _parse_line(self, line: str) -> Frame | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if _DIGITS.fullmatch(value):
                self.retry = int(value)
            # A comment, which begins with a colon, or a field of a later standard.
            case _:
                pass
        return None

    def _dispatch(self) -> Frame | None:
        self.last_event_id = self._id
        event, data = self._event or "message", self._data
        self._event, self._data = "", []
        return Frame(event, "\n".join(data), self.last_event_id) if data else None
