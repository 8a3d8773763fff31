"""Messages off the wire: nats-py's parser, with a short way for what nearly all of the traffic is.

nats-py matches every message against two regular expressions and keeps it in three states. Here a message that has arrived whole
is cut out of what was read. Everything else (greetings, pings, errors, half a message) is left to nats-py.

Protocol: https://docs.nats.io/reference/reference-protocols/nats-protocol
"""

from __future__ import annotations

from typing import Any, cast

from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

_CRLF = b"\r\n"

_Message = tuple[int, bytes, bytes, bytes, bytes | None]
"""Subscription, subject, reply, payload and headers, as nats-py's client processes them."""


class WireParser(Parser):
    """Parses what a server sends, for nats-py's client."""

    async def parse(self, data: bytes = b"") -> None:
        """Give the client the messages that ``data`` completes; see `Parser.parse`."""
        if self.state != AWAITING_CONTROL_LINE:
            # Of the message that goes on here nats-py has the beginning.
            await super().parse(data)
            return
        if self.buf:
            data = bytes(self.buf) + data
            self.buf.clear()
        process, start = cast("Any", self.nc)._process_msg, 0
        try:
            while data.startswith((b"MSG ", b"HMSG "), start):
                message, end = _cut(data, start)
                if message is None:
                    break
                start = end
                await process(*message)
        finally:
            self.buf.extend(data[start:])
        if self.buf:
            await super().parse()


def _cut(data: bytes, start: int) -> tuple[_Message | None, int]:
    """Return the message that begins at ``start`` and where it ends; None when it is not whole, or its line is an unusual one.

    The line is ``MSG <subject> <sid> [reply] <bytes>``, or HMSG with the bytes of the headers before those of all.
    """
    ends = data.find(_CRLF, start)
    words = data[start:ends].split(b" ") if ends > 0 else []
    has_headers = data.startswith(b"HMSG", start)
    count = len(words) - has_headers
    if count not in (4, 5):
        return None, start
    first = ends + len(_CRLF)
    try:
        sid, size = int(words[2]), int(words[-1])
        middle = first + int(words[-2]) if has_headers else first
    except ValueError:
        return None, start
    last = first + size
    end = last + len(_CRLF)
    if len(data) < end or middle > last:
        return None, start
    reply = words[3] if count == 5 else b""
    return (sid, words[1], reply, data[middle:last], data[first:middle] if has_headers else None), end
