"""The text of an API key: a prefix by which scanners for leaked secrets find it, 160 random bits, and a checksum.

The checksum lets a scanner, and the API, tell a key from a text that only looks like one without asking a database.
"""

from __future__ import annotations

import re
import secrets
from zlib import crc32

PREFIX = "hr_"
RANDOM_BITS = 160
RANDOM_CHARS = 27  # 62 ** 27 is more than 2 ** 160
CHECKSUM_CHARS = 6  # 62 ** 6 is more than 2 ** 32
KEY_CHARS = len(PREFIX) + RANDOM_CHARS + CHECKSUM_CHARS
SHOWN_CHARS = 8  # 47 bits, of which none are needed to stay secret: 113 are left

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_is_shaped = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{RANDOM_CHARS + CHECKSUM_CHARS}}}").fullmatch


def make_key() -> str:
    """Make a new key: ``hr_``, 27 random characters and 6 of their checksum."""
    unchecked = PREFIX + _base62(secrets.randbits(RANDOM_BITS), RANDOM_CHARS)
    return unchecked + _checksum(unchecked)


def is_key(text: str) -> bool:
    """Return whether a text has the form and the checksum of a key. It says nothing about whether the key is valid."""
    if _is_shaped(text) is None:
        return False
    return _checksum(text[:-CHECKSUM_CHARS]) == text[-CHECKSUM_CHARS:]


def shown_part(key: str) -> str:
    """Return the beginning of a key after its prefix, by which its owner recognises it in a list."""
    return key[len(PREFIX) : len(PREFIX) + SHOWN_CHARS]


def _checksum(text: str) -> str:
    return _base62(crc32(text.encode()), CHECKSUM_CHARS)


def _base62(number: int, length: int) -> str:
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
