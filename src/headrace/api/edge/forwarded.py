"""What proxies say of a request: `X-Forwarded-For` and the like, and `Forwarded` (RFC 7239), read from the right.

Each proxy adds its word at the right end, and a client may have written whatever stands left of it. So a list is split from its
right end, where quotes are a trusted proxy's own: nothing that a client writes changes how they are read. Reading takes time in
proportion to the length, for a client that is not signed in yet chooses what stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

HOPS_MAX = 16  # that are read of a header; more proxies are none
PAIRS_MAX = 16  # of an element; RFC 7239 knows four
HEADER_CHARS_MAX = 2048  # of all such headers of a request together; what stands further left is not read

_ESCAPED_MARK = re.compile(r'\\[\\"]')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")


class Hop(NamedTuple):
    """What one proxy says about whom it was reached from: the address, and with `Forwarded` the scheme and the host."""

    client: str
    scheme: str = ""
    host: str = ""


UNREADABLE = Hop("")


def read_listed(given: str) -> Iterator[Hop]:
    """Read the addresses of `X-Forwarded-For`, the last one first."""
    for part in islice(reversed(given.split(",")), HOPS_MAX):
        yield Hop(part.strip().strip('"'))


def read_forwarded(given: str) -> Iterator[Hop]:
    """Read the elements of `Forwarded`, the last one first. One that is not written as RFC 7239 has it says nothing."""
    for element in islice(_split_from_right(given, ","), HOPS_MAX):
        yield _read_element(element)


def rightmost(given: bytes) -> str:
    """Return the last value of a list."""
    return given.decode("latin-1").rpartition(",")[2].strip()


def _split_from_right(text: str, separator: str) -> Iterator[str]:
    """Split a text at the separators that are not in quotes, its last part first."""
    # An escaped quote closes nothing. What stands in for it is as long, so the places are the same in both.
    marked = _ESCAPED_MARK.sub("--", text)
    end = at = len(text)
    while at > 0:
        closing = marked.rfind('"', 0, at)
        place = marked.rfind(separator, closing + 1, at)
        if place >= 0:
            yield text[place + 1 : end]
            end = at = place
        else:
            at = marked.rfind('"', 0, max(closing, 0))
    yield text[:end]


def _read_element(element: str) -> Hop:
    """Read the pairs of an element (RFC 7239, section 4)."""
    pairs: dict[str, str] = {}
    for pair in islice(_split_from_right(element, ";"), PAIRS_MAX):
        name, equals, written = pair.strip().lower().partition("=")
        value = _unquote(written)
        if not name and not equals:
            continue
        # Of a name that is there twice, nobody can say which one is meant.
        if not name or not equals or value is None or name in pairs:
            return UNREADABLE
        pairs[name] = value
    return Hop(pairs.get("for", ""), pairs.get("proto", ""), pairs.get("host", ""))


def _unquote(written: str) -> str | None:
    """Return the value of a pair, which is a token or a quoted string; None when it is neither."""
    if '"' not in written:
        return None if any(map(str.isspace, written)) else written
    quoted = _QUOTED.fullmatch(written)
    return _ESCAPED.sub(r"\1", quoted[1]) if quoted else None
