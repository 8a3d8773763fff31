"""W3C Trace Context (level 1, https://www.w3.org/TR/trace-context/): reading it from headers that others wrote, and its bounds."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
CREATED_IN: Final = "Headrace-Traceparent"  # of a task's creation, in records whose `traceparent` is that of an attempt
TRACE_HEADERS: Final = (TRACEPARENT, TRACESTATE, CREATED_IN)

_ODD = frozenset("13579bdf")  # hexadecimal digits with the lowest bit, which is the flag "sampled"
_OF_REQUEST = (b"traceparent", b"tracestate")

TRACESTATE_CHARS_MAX = 512  # what everybody has to hand on (section 3.3.1.5); every record of a task carries it
TRACESTATE_MEMBERS_MAX = 32  # (section 3.3.1.1)
LONG_MEMBER_CHARS = 128  # a longer one is the first to be left out (section 3.3.1.5)

# Section 3.2.2: version ff and ids that are all zero are invalid.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# Section 3.3.1.3: a key, with or without the tenant of a system, and a value of visible ASCII.
_MEMBER = re.compile(
    r"([a-z0-9][a-z0-9_*/@-]{0,255})=([\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])"
)


class TraceContext(NamedTuple):
    """Where something stands in a trace. Both fields are well-formed headers; ``tracestate`` may be empty."""

    traceparent: str
    tracestate: str = ""

    @property
    def trace_id(self) -> str:
        """The id of the trace, 32 hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """The id of the span, 16 hexadecimal digits."""
        return self.traceparent[36:52]

    @property
    def is_sampled(self) -> bool:
        """Whether whoever began the trace records it."""
        return self.traceparent[-1] in _ODD

    def headers(self) -> dict[str, str]:
        """Return the headers that say it."""
        state = {TRACESTATE: self.tracestate} if self.tracestate else {}
        return {TRACEPARENT: self.traceparent, **state}

    def log_fields(self) -> dict[str, str]:
        """Return what log lines carry of it."""
        return {"trace_id": self.trace_id, "span_id": self.span_id}

    @classmethod
    def of_record(cls, headers: Mapping[str, str]) -> TraceContext | None:
        """Read what a record carries; None when it carries none, or something that is none."""
        given = headers.get(TRACEPARENT)
        if given is None or _TRACEPARENT.fullmatch(given) is None:
            return None
        return cls(given, bounded(headers.get(TRACESTATE, "")))

    @classmethod
    def of_request(cls, headers: Iterable[tuple[bytes, bytes]]) -> TraceContext | None:
        """Read what a request brings; None when it brings none, or several, of which nobody can say which one is meant."""
        found = [each for each in headers if each[0] in _OF_REQUEST]
        parents = [value for name, value in found if name == _OF_REQUEST[0]]
        if len(parents) != 1:
            return None
        given = parents[0].decode("latin-1")
        if _TRACEPARENT.fullmatch(given) is None:
            return None
        if len(found) == 1:
            return cls(given)
        # Section 3.3: several tracestate headers are one that was cut.
        states = b",".join(value for name, value in found if name == _OF_REQUEST[1])
        return cls(given, bounded(states.decode("latin-1")))


def unsampled() -> str:
    """Make the ``traceparent`` of something that is not recorded, so that nobody after it decides that anew."""
    ids = random.randbytes(24).hex()  # noqa: S311 - no secret
    return f"00-{ids[:32]}-{ids[32:]}-00"


def bounded(tracestate: str) -> str:
    """Return a ``tracestate`` that fits the limits; empty when a part of it is malformed, or is there twice."""
    if not tracestate:
        return ""
    members = [stripped for each in tracestate.split(",") if (stripped := each.strip(" \t"))]
    found = [_MEMBER.fullmatch(each) for each in members[: TRACESTATE_MEMBERS_MAX + 1]]
    keys = [each[1] for each in found if each is not None]
    if len(keys) != len(members) or len({*keys}) != len(keys) or len(keys) > TRACESTATE_MEMBERS_MAX:
        return ""
    if _size(members) > TRACESTATE_CHARS_MAX:
        members = [each for each in members if len(each) <= LONG_MEMBER_CHARS]
    while _size(members) > TRACESTATE_CHARS_MAX:
        # The newest stands first.
        members.pop()
    return ",".join(members)


def _size(members: list[str]) -> int:
    return sum(len(each) + 1 for each in members) - 1
