"""One form for texts that look the same: an É may be one character, or an E and an accent (Unicode Standard Annex 15)."""

from __future__ import annotations

from unicodedata import normalize


def to_nfc(text: str) -> str:
    """Return a text in the form NFC, in which most texts are. One of ASCII alone is returned as it is."""
    return text if text.isascii() else normalize("NFC", text)
