"""Read the text and the headings of a DOCX, which is a ZIP of XML (ECMA-376)."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.parsers import expat

from .document import (
    BrokenDocument,
    Content,
    DocumentTooLarge,
    DocumentWithoutText,
    EncryptedDocument,
    Outline,
    TextBuilder,
)

XML_BYTES_MAX = 200 << 20  # of one part, unpacked; ten million characters of text have about that
RATIO_MAX = 200  # unpacked to packed; the XML of a long document comes to 30, a bomb to 1,000
RATIO_BYTES_MIN = 4 << 20  # below this even a high ratio does no harm
CHUNK_BYTES = 64 << 10

DOCUMENT, STYLES, PROPERTIES = "word/document.xml", "word/styles.xml", "docProps/app.xml"
MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
FALLBACK = "http://schemas.openxmlformats.org/markup-compatibility/2006 Fallback"

_HEADING = re.compile(r"(?:heading|title)\s*([1-9])?", re.IGNORECASE)
_PAGES = re.compile(rb"<Pages>(\d{1,7})</Pages>")

Start = Callable[[str, dict[str, str]], None]
End = Callable[[str], None]


def read_docx(path: Path) -> Content:
    """Read the body of a DOCX: paragraphs, lists and tables. Deleted text, comments and footnotes are left out.

    Raises:
        BrokenDocument: It is damaged, or another kind of ZIP.
        DocumentTooLarge: It unpacks to more than is read.
        DocumentWithoutText: It has no text.
        EncryptedDocument: It needs a password.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = {each.filename for each in archive.infolist()}
            if DOCUMENT not in names:
                raise BrokenDocument("The file is a ZIP archive without a Word document in it.")
            styles = _Styles()
            if STYLES in names:
                _parse(archive, STYLES, styles.start, styles.end)
            body = _Body(styles.levels)
            _parse(archive, DOCUMENT, body.start, body.end, body.characters)
            pages = _PAGES.search(archive.open(PROPERTIES).read(CHUNK_BYTES)) if PROPERTIES in names else None
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, NotImplementedError, OSError) as error:
        raise BrokenDocument(f"The DOCX is damaged: {error}.") from error
    text = body.text.build()
    if not text or text.isspace():
        raise DocumentWithoutText("The DOCX has no text; perhaps it has pictures only.")
    return Content(
        format="docx",
        text=text,
        outline=body.outline.headings,
        pages=int(pages[1]) if pages else None,
        truncated=body.text.truncated,
    )


def _parse(
    archive: zipfile.ZipFile, name: str, start: Start, end: End, characters: Callable[[str], None] | None = None
) -> None:
    """Parse one part of the archive without unpacking it as a whole."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = _refuse_doctype
    for chunk in _unpack(archive, name):
        parser.Parse(chunk, False)
    parser.Parse(b"", True)


def _unpack(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Unpack a part in chunks, and count what comes out, whatever the header says.

    Raises:
        DocumentTooLarge: It is too much, or far more than goes in.
        EncryptedDocument: It needs a password.
    """
    info, unpacked = archive.getinfo(name), 0
    if info.flag_bits & 1:
        raise EncryptedDocument("The DOCX is encrypted and needs a password. Save it without one.")
    with archive.open(info) as opened:
        while chunk := opened.read(CHUNK_BYTES):
            unpacked += len(chunk)
            ratio = unpacked / max(1, info.compress_size)
            if unpacked > XML_BYTES_MAX or (unpacked > RATIO_BYTES_MIN and ratio > RATIO_MAX):
                raise DocumentTooLarge(
                    f"{name} in the DOCX unpacks to more than {unpacked >> 20} MB, {ratio:.0f} times its size. "
                    f"At most {XML_BYTES_MAX >> 20} MB and {RATIO_MAX} times are read."
                )
            yield chunk


def _refuse_doctype(*_: object) -> None:
    # Only a DOCTYPE defines entities, with which a few lines become gigabytes. No word processor writes one.
    raise BrokenDocument("The DOCX has a DOCTYPE, which no word processor writes.")


def _local(name: str) -> str:
    """Return the name of an element or attribute of WordprocessingML, without its namespace; empty for others."""
    namespace, _, local = name.rpartition(" ")
    return local if namespace in (MAIN, STRICT) else ""


def _attribute(attributes: dict[str, str], wanted: str) -> str:
    return next((value for name, value in attributes.items() if _local(name) == wanted), "")


class _Styles:
    """The styles that are headings.

    Attributes:
        levels: The level of a heading, by the id of its style, which is translated where its name is not.
    """

    def __init__(self) -> None:
        self.levels: dict[str, int] = {}
        self._id = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        match _local(name):
            case "style":
                self._id = _attribute(attributes, "styleId")
            case "name" if self._id and (found := _HEADING.fullmatch(_attribute(attributes, "val"))):
                self.levels[self._id] = int(found[1] or 1)
            case _:
                pass

    def end(self, name: str) -> None:
        if _local(name) == "style":
            self._id = ""


class _Body:
    """The text of a document, paragraph by paragraph.

    Attributes:
        text: What was read.
        outline: Its headings.
    """

    def __init__(self, levels: dict[str, int]) -> None:
        self.text = TextBuilder()
        self.outline = Outline()
        self._levels = levels
        self._paragraph: list[str] = []
        self._level: int | None = None
        self._in_text = False
        # Of what a newer program draws there is a copy for older ones, with the same text.
        self._fallbacks = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == FALLBACK:
            self._fallbacks += 1
        if self._fallbacks:
            return
        match _local(name):
            case "t":
                self._in_text = True
            case "tab":
                self._paragraph.append("\t")
            case "br" | "cr":
                self._paragraph.append("\n")
            case "noBreakHyphen":
                self._paragraph.append("-")
            case "pStyle":
                self._level = self._levels.get(_attribute(attributes, "val"))
            case "outlineLvl" if (value := _attribute(attributes, "val")).isdecimal() and int(value) < 9:
                self._level = int(value) + 1
            case _:
                pass

    def end(self, name: str) -> None:
        if name == FALLBACK:
            self._fallbacks -= 1
        if self._fallbacks:
            return
        match _local(name):
            case "t":
                self._in_text = False
            case "p":
                self._end_paragraph()
            case "tr":
                self.text.add("\n")
            case _:
                pass

    def characters(self, found: str) -> None:
        if self._in_text and not self._fallbacks:
            self._paragraph.append(found)

    def _end_paragraph(self) -> None:
        written = "".join(self._paragraph)
        if self._level is not None:
            self.outline.add(self._level, written)
        self.text.add(written + "\n")
        self._paragraph, self._level = [], None
