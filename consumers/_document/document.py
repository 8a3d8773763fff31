"""What is read of a document, and why one cannot be read. This module imports no parser, so describing a kind costs no memory."""

from __future__ import annotations

from typing import Literal

import msgspec

Format = Literal["pdf", "docx", "html", "markdown", "text"]

MEDIA_TYPES: tuple[str, ...] = (
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "text/html",
    "text/markdown",
    "text/plain",
)
CHARACTERS_MAX = 10_000_000  # code points; the Bible has four million, and memory stays below 200 MB
PAGES_MAX = 5_000  # a page with much on it takes a tenth of a second
HEADINGS_MAX = 1_000  # at up to 300 bytes of JSON each, so that a result stays below 512 KB
HEADING_CHARS_MAX = 120


class DocumentError(ValueError):
    """The document cannot be read. Trying again does not help."""


class EncryptedDocument(DocumentError):
    """The document needs a password."""


class BrokenDocument(DocumentError):
    """The document is damaged, or is not what it seems to be."""


class DocumentWithoutText(DocumentError):
    """The document has no text, as a scan that no program has recognised."""


class UnknownDocument(DocumentError):
    """The document is in no format that is read."""


class DocumentTooLarge(DocumentError):
    """The document would take more memory than it is given."""


class Heading(msgspec.Struct, frozen=True, kw_only=True):
    """A heading or a bookmark; ``level`` counts from 1, ``page`` too."""

    level: int
    title: str
    page: int | None = None


class Outline:
    """The first `HEADINGS_MAX` headings of a document."""

    def __init__(self) -> None:
        self.headings: list[Heading] = []

    def add(self, level: int, title: str, page: int | None = None) -> None:
        """Add a heading, shortened; one without a title is left out."""
        shown = " ".join(legible(title[: HEADING_CHARS_MAX * 10]).split())
        if shown and len(self.headings) < HEADINGS_MAX:
            if len(shown) > HEADING_CHARS_MAX:
                shown = shown[: HEADING_CHARS_MAX - 1] + "…"
            self.headings.append(Heading(level=level, title=shown, page=page))


class TextBuilder:
    """Collects the text of a document, up to `CHARACTERS_MAX`.

    Attributes:
        truncated: Whether there was more.
    """

    def __init__(self) -> None:
        self.truncated = False
        self._parts: list[str] = []
        self._left = CHARACTERS_MAX

    def add(self, text: str) -> None:
        """Add what comes next, as far as there is room."""
        if len(text) > self._left:
            text, self.truncated = text[: self._left], True
        self._left -= len(text)
        self._parts.append(text)

    def build(self) -> str:
        """Return the text, without characters that cannot be written or read."""
        return legible("".join(self._parts))


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What was read. ``pages`` is null where a format has none."""

    format: Format
    text: str
    outline: list[Heading]
    pages: int | None = None
    truncated: bool = False


_UNSEEN = {code: None for code in range(32) if chr(code) not in "\t\n\f"} | {0x7F: None}


def legible(text: str) -> str:
    """Return a text without control characters, and without the halves of characters that a broken encoding leaves."""
    return text.translate(_UNSEEN).encode("utf-8", "replace").decode()
