"""Media types of files: whether the bytes are what was declared, and what a browser may show.

A table of our own names the types for which the first bytes are decisive, after the WHATWG's MIME Sniffing Standard, section 6, and
the registrations of the others. Libraries guess a type from the bytes; here the question is the opposite one, whether a declared
type can be true, and a type that is not in the table is nobody's promise: its files are downloaded and never shown.
"""

from __future__ import annotations

import codecs
from typing import Final

from headrace.file_errors import WrongType

# Bytes, and where in the file they stand.
Mark = tuple[int, bytes]
_ZIP: Final[tuple[tuple[Mark, ...], ...]] = (((0, b"PK\3\4"),), ((0, b"PK\5\6"),))
_GZIP: Final[tuple[tuple[Mark, ...], ...]] = (((0, b"\x1f\x8b"),),)
_TIFF: Final[tuple[tuple[Mark, ...], ...]] = (((0, b"II*\0"),), ((0, b"MM\0*"),))
_MATROSKA: Final[tuple[tuple[Mark, ...], ...]] = (((0, b"\x1aE\xdf\xa3"),),)
_OLE: Final[tuple[tuple[Mark, ...], ...]] = (((0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),),)
_WAVE: Final[tuple[tuple[Mark, ...], ...]] = (((0, b"RIFF"), (8, b"WAVE")),)
_MP4: Final[tuple[tuple[Mark, ...], ...]] = (((4, b"ftyp"),),)
# Each type with its alternatives, of which one has to be there with all of its marks.
_SIGNATURES: Final[dict[str, tuple[tuple[Mark, ...], ...]]] = {
    "image/png": (((0, b"\x89PNG\r\n\x1a\n"),),),
    "image/jpeg": (((0, b"\xff\xd8\xff"),),),
    "image/gif": (((0, b"GIF87a"),), ((0, b"GIF89a"),)),
    "image/webp": (((0, b"RIFF"), (8, b"WEBP")),),
    "image/avif": (((4, b"ftypavif"),), ((4, b"ftypavis"),), ((4, b"ftypmif1"),)),
    "image/heic": (((4, b"ftyphei"),), ((4, b"ftyphev"),), ((4, b"ftypmif1"),), ((4, b"ftypmsf1"),)),
    "image/bmp": (((0, b"BM"),),),
    "image/tiff": _TIFF,
    "image/x-icon": (((0, b"\0\0\1\0"),),),
    "application/pdf": (((0, b"%PDF-"),),),
    "application/zip": _ZIP,
    "application/x-zip-compressed": _ZIP,
    "application/epub+zip": _ZIP,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": _ZIP,
    # Excel's own encryption puts a workbook into another container.
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (*_ZIP, *_OLE),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": _ZIP,
    "application/vnd.oasis.opendocument.text": _ZIP,
    "application/vnd.oasis.opendocument.spreadsheet": _ZIP,
    "application/msword": (*_OLE, ((0, b"{\\rtf"),)),
    "application/gzip": _GZIP,
    "application/x-gzip": _GZIP,
    "application/zstd": (((0, b"\x28\xb5\x2f\xfd"),),),
    "application/x-bzip2": (((0, b"BZh"),),),
    "application/x-xz": (((0, b"\xfd7zXZ\0"),),),
    "application/x-7z-compressed": (((0, b"7z\xbc\xaf\x27\x1c"),),),
    "application/vnd.rar": (((0, b"Rar!\x1a\x07"),),),
    "application/x-tar": (((257, b"ustar"),),),
    "application/vnd.apache.parquet": (((0, b"PAR1"),),),
    "application/vnd.apache.arrow.file": (((0, b"ARROW1"),),),
    "application/vnd.sqlite3": (((0, b"SQLite format 3\0"),),),
    "audio/mpeg": (((0, b"ID3"),), *(((0, b"\xff" + bytes([second])),) for second in (0xFB, 0xFA, 0xF3, 0xF2, 0xE3))),
    "audio/wav": _WAVE,
    "audio/x-wav": _WAVE,
    "audio/flac": (((0, b"fLaC"),),),
    "audio/ogg": (((0, b"OggS"),),),
    "video/ogg": (((0, b"OggS"),),),
    "audio/mp4": _MP4,
    "video/mp4": _MP4,
    "video/quicktime": (*_MP4, ((4, b"moov"),), ((4, b"mdat"),), ((4, b"wide"),), ((4, b"free"),)),
    "video/webm": _MATROSKA,
    "video/x-matroska": _MATROSKA,
    "font/woff2": (((0, b"wOF2"),),),
}
_TEXTS: Final = frozenset(
    {
        *("application/json", "application/x-ndjson", "application/xml", "application/yaml", "application/toml"),
        *("application/javascript", "application/sql", "application/rtf", "image/svg+xml"),
    }
)
_TEXT_SUFFIXES: Final = ("+json", "+xml", "+yaml")
# RFC 8259, section 8.1.
_UTF_8_ONLY: Final = ("application/json", "application/x-ndjson", "+json")
# Types whose files begin with characters that a text may have, too.
_NO_TEXTS: Final = {b"%PDF-": "application/pdf", b"GIF87a": "image/gif", b"GIF89a": "image/gif"}
_UTF_16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What the standard calls binary data bytes, section 3: no text in any encoding of eight bits has one.
_TEXT_BYTES: Final = bytes(each for each in range(256) if each >= 0x20 or each in b"\t\n\f\r\x1b")

# No SVG: it has scripts. A PDF has its viewer, which keeps it away from the page.
_SHOWN: Final = frozenset(
    {*("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"), "application/pdf", "text/plain"}
)
# A file that is one of those and has one of these in its first bytes wants to be taken for something else as well.
_TELLTALES: Final = (
    *(b"<html", b"<!doctype", b"<script", b"<svg", b"<iframe", b"<body", b"<?php"),
    b"eicar-standard-antivirus-test-file",
)


def essence_of(media_type: str) -> str:
    """Return a media type without its parameters, in lower case."""
    return media_type.partition(";")[0].strip().lower()


def is_text(media_type: str) -> bool:
    """Return whether files of a type are texts."""
    essence = essence_of(media_type)
    return essence.startswith("text/") or essence in _TEXTS or essence.endswith(_TEXT_SUFFIXES)


def is_shown(media_type: str, head: bytes) -> bool:
    """Return whether a browser may show a file by itself; any other one it may only save.

    Args:
        media_type: The type of the file.
        head: Its first bytes, as many as `headrace.objects.HEAD_BYTES`.
    """
    folded = head.lower()
    return essence_of(media_type) in _SHOWN and not any(each in folded for each in _TELLTALES)


class TypeCheck:
    """Checks while a file passes whether it is of the type that was declared.

    Args:
        media_type: The declared type.
    """

    def __init__(self, media_type: str) -> None:
        self._media_type = media_type
        self._essence = essence_of(media_type)
        self._decoder = codecs.getincrementaldecoder("utf-8")() if _is_utf_8_only(media_type) else None
        self._is_text = is_text(media_type)
        self._is_utf_16: bool | None = None

    @property
    def reads_everything(self) -> bool:
        """Whether `add` is to be called with all bytes, and not only `check_head` with the first ones."""
        return self._is_text

    def check_head(self, head: bytes) -> None:
        """Check the first bytes of the file.

        Raises:
            WrongType: They are of another type.
        """
        signatures = _SIGNATURES.get(self._essence)
        if signatures is not None and not any(_has(head, marks) for marks in signatures):
            raise self._refusal("does not begin as files of this type do")
        if self._is_text:
            for beginning, essence in _NO_TEXTS.items():
                if head.startswith(beginning):
                    raise self._refusal(f"begins as one of {essence} does")

    def add(self, chunk: bytes) -> None:
        """Check the next bytes of a text.

        Raises:
            WrongType: They are no text.
        """
        if self._decoder is not None:
            self._decode(chunk, is_last=False)
            return
        if self._is_utf_16 is None and chunk:
            self._is_utf_16 = chunk.startswith(_UTF_16_MARKS)
        if not self._is_utf_16 and chunk.translate(None, _TEXT_BYTES):
            raise self._refusal("has bytes that no text has")

    def end(self) -> None:
        """Check that a text does not end within a character.

        Raises:
            WrongType: It does.
        """
        if self._decoder is not None:
            self._decode(b"", is_last=True)

    def _decode(self, chunk: bytes, *, is_last: bool) -> None:
        assert self._decoder is not None
        try:
            self._decoder.decode(chunk, final=is_last)
        except UnicodeDecodeError as error:
            raise self._refusal("is not UTF-8") from error

    def _refusal(self, reason: str) -> WrongType:
        return WrongType(
            f"the file was declared as {self._media_type}, and {reason}; declare what it is, or send another"
        )


def _is_utf_8_only(media_type: str) -> bool:
    if not is_text(media_type):
        return False
    parameters = media_type.lower().replace(" ", "").replace('"', "").split(";")
    return "charset=utf-8" in parameters or parameters[0].endswith(_UTF_8_ONLY)


def _has(head: bytes, marks: tuple[Mark, ...]) -> bool:
    return all(head[at : at + len(expected)] == expected for at, expected in marks)
