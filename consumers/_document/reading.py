"""Find out what a document is by its first bytes, and read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from headrace.task import SyncOpenFile

from .document import (
    MEDIA_TYPES,
    Content,
    DocumentTooLarge,
    DocumentWithoutText,
    EncryptedDocument,
    UnknownDocument,
)

DOCUMENT_BYTES_MAX = 512 << 20  # on disk; what is in memory has bounds of its own
HEAD_BYTES = 1024  # in which a PDF begins (ISO 32000, Annex H)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # of old Word, and around what Office encrypts
OLE_SEARCHED_BYTES = 1 << 20
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")


def read_document(file: SyncOpenFile, progress: Callable[[int, int], bool], warn: Callable[[str], None]) -> Content:
    """Read a document of any format. Its first bytes count, not its name; the name tells texts apart.

    Args:
        file: The document.
        progress: Is told which page was read, of how many; returns whether to go on.
        warn: Is given a sentence about what was left out.

    Raises:
        DocumentError: It cannot be read; the class and the message say why.
        FileTooLarge: It is a text of more than 16 MB.
    """
    # The parsers take 30 MB that an idle worker does without.
    if file.size > DOCUMENT_BYTES_MAX:
        raise DocumentTooLarge(f"The document has {file.size:,} bytes; at most {DOCUMENT_BYTES_MAX:,} are read.")
    with file.path().open("rb") as opened:
        head = opened.read(HEAD_BYTES)
        if head.startswith(OLE):
            raise _refuse_ole(head + opened.read(OLE_SEARCHED_BYTES))
    if b"%PDF-" in head:
        from .pdf import read_pdf

        return read_pdf(file.path(), progress, warn)
    if head.startswith(b"PK"):
        from .docx import read_docx

        return read_docx(file.path())
    return _read_text(file, warn)


def _refuse_ole(beginning: bytes) -> EncryptedDocument | UnknownDocument:
    if ENCRYPTED_PACKAGE in beginning:
        return EncryptedDocument("The document is encrypted and needs a password. Save it without one.")
    return UnknownDocument("The document is in the format of Word before 2007. Save it as DOCX or PDF.")


def _read_text(file: SyncOpenFile, warn: Callable[[str], None]) -> Content:
    from .html import read_html
    from .plain import decode_text, read_markdown, read_plain

    source = decode_text(file.read(), warn)
    suffix, said = PurePath(file.name).suffix.lower(), file.media_type.partition(";")[0].strip().lower()
    if said == "text/html" or suffix in (".html", ".htm") or source[:200].lstrip().lower().startswith("<!doctype html"):
        content = read_html(source)
    elif said == "text/markdown" or suffix in (".md", ".markdown"):
        content = read_markdown(source)
    elif said.startswith("text/") or said in MEDIA_TYPES or said == "application/octet-stream":
        content = read_plain(source)
    else:
        raise UnknownDocument(f"A file of the type {said} is no document. PDF, DOCX, HTML, Markdown and text are read.")
    if not content.text or content.text.isspace():
        raise DocumentWithoutText("The document has no text.")
    return content
