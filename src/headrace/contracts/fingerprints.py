"""Fingerprints of failures: tasks that failed in the same way have the same one, whatever they were about."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from headrace.contracts.patterns import pattern_of

FINGERPRINT_PATTERN = pattern_of("16 hexadecimal digits", r"^[0-9a-f]{16}$(?!\n)")

_DIGEST_BYTES: Final = 8  # 16 digits, so that two of a million sorts are the same once in thirty million times
_READ_CHARS: Final = 500  # of a message; what is behind that is often a text of somebody else

# What differs between failures of one sort: what is quoted, and words with a digit, such as numbers, ids, times and addresses. An
# apostrophe inside a word begins no quotation. No part of this goes over a text twice.
_particulars = re.compile(
    r"""
      "[^"]*+" | `[^`]*+` | “[^”]*+” | «[^»]*+» | (?<!\w)'[^']*+'(?!\w)
    | (?<![\w-]) (?:[^\W\d]|-)*+ \d [\w-]*+
    """,
    re.VERBOSE,
).sub


def fingerprint(kind: str, code: str, message: str) -> str:
    """Return the fingerprint of a failure, made of its kind, its code, and its message without digits, quoted parts and ids."""
    general = " ".join(_particulars(" ", message[:_READ_CHARS]).split())
    written = f"{kind}\0{code}\0{general}".encode("utf-8", "surrogatepass")
    return blake2b(written, digest_size=_DIGEST_BYTES).hexdigest()
