"""Read the text and the bookmarks of a PDF."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError

from .document import (
    HEADINGS_MAX,
    PAGES_MAX,
    BrokenDocument,
    Content,
    DocumentWithoutText,
    EncryptedDocument,
    Outline,
    TextBuilder,
)

PAGE_BREAK = "\n\f"  # as pdftotext and printers have it

# A damaged PDF makes pypdf fail in many ways, since most of what is in it is optional.
_DAMAGE = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)

# It also writes a line for every oddity, of which some documents have thousands.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def read_pdf(path: Path, progress: Callable[[int, int], bool], warn: Callable[[str], None]) -> Content:
    """Read a PDF page by page.

    Args:
        path: The file.
        progress: Is told which page was read, of how many; returns whether to go on.
        warn: Is given a sentence about what was left out.

    Raises:
        BrokenDocument: It is damaged.
        DocumentWithoutText: It has no text.
        EncryptedDocument: It needs a password.
    """
    reader, pages = _open(path)
    text, damaged = TextBuilder(), 0
    for number in range(min(pages, PAGES_MAX)):
        found = _read_page(reader, number)
        damaged += found is None
        text.add((PAGE_BREAK if number else "") + (found or ""))
        if text.truncated or not progress(number + 1, min(pages, PAGES_MAX)):
            break
    whole = text.build()
    _check_text(whole, pages, damaged)
    if damaged:
        warn(f"{damaged} of {pages} pages are damaged and were left out")
    return Content(
        format="pdf",
        text=whole,
        outline=_read_outline(reader, warn),
        pages=pages,
        truncated=text.truncated or pages > PAGES_MAX,
    )


def _open(path: Path) -> tuple[PdfReader, int]:
    """Open a PDF, and count its pages.

    Raises:
        BrokenDocument: It is damaged.
        EncryptedDocument: It needs a password.
    """
    try:
        reader = PdfReader(path, strict=False)
        _decrypt(reader)
        pages = len(reader.pages)
    except EncryptedDocument:
        raise
    except _DAMAGE as error:
        raise BrokenDocument(f"The PDF is damaged: {_describe(error)}.") from error
    if pages == 0:
        raise BrokenDocument("The PDF is damaged: it has no pages.")
    return reader, pages


def _decrypt(reader: PdfReader) -> None:
    """Open a PDF that everybody may read, which many are although they are encrypted.

    Raises:
        EncryptedDocument: It needs a password.
    """
    if not reader.is_encrypted:
        return
    try:
        opened = reader.decrypt("")
    except (DependencyError, NotImplementedError) as error:
        raise EncryptedDocument(
            "The PDF is encrypted in a way that cannot be read. Save it without encryption."
        ) from error
    if not opened:
        raise EncryptedDocument("The PDF is encrypted and needs a password. Save it without one.")


def _read_page(reader: PdfReader, number: int) -> str | None:
    """Return the text of a page; None when it is damaged."""
    try:
        return reader.pages[number].extract_text().strip()
    except _DAMAGE:
        return None


def _check_text(text: str, pages: int, damaged: int) -> None:
    if text and not text.isspace():
        return
    if damaged:
        raise BrokenDocument(f"The PDF is damaged: no text can be read from its {pages} pages.")
    raise DocumentWithoutText(
        f"The PDF has no text on its {pages} pages; it seems to be a scan. Have its text recognised (OCR) first."
    )


def _read_outline(reader: PdfReader, warn: Callable[[str], None]) -> list[Any]:
    outline = Outline()
    try:
        _add_bookmarks(reader, reader.outline, 1, outline)
    except _DAMAGE:
        warn("the bookmarks of the PDF are damaged")
    return outline.headings


def _add_bookmarks(reader: PdfReader, bookmarks: list[Any], level: int, outline: Outline) -> None:
    """Add bookmarks in the order of the document; those of a lower level stand in a list of their own."""
    for each in bookmarks:
        if len(outline.headings) == HEADINGS_MAX:
            return
        if isinstance(each, list):
            _add_bookmarks(reader, each, level + 1, outline)  # pyright: ignore[reportUnknownArgumentType]
        else:
            page = reader.get_destination_page_number(each)
            outline.add(level, str(each.title or ""), None if page is None or page < 0 else page + 1)


def _describe(error: BaseException) -> str:
    return str(error).rstrip(".")[:200] or type(error).__name__
