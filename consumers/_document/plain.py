"""Read plain text and Markdown, and find out how a text is encoded."""

from __future__ import annotations

import re
from collections.abc import Callable

from .document import Content, Outline, TextBuilder, UnknownDocument

_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_:-]{1,40})", re.IGNORECASE)
META_BYTES = 1024  # in which HTML has to say its encoding (HTML, 4.2.5.4)

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")


def decode_text(raw: bytes, warn: Callable[[str], None]) -> str:
    """Decode a text: by its byte order mark, by what HTML says of itself, as UTF-8, or else as Windows-1252.

    Raises:
        UnknownDocument: It is no text.
    """
    for encoding in _encodings(raw):
        try:
            return _unify(raw.decode(encoding))
        except (UnicodeDecodeError, LookupError):
            continue
    if b"\0" in raw:
        raise UnknownDocument("The file is no text, and no PDF or DOCX either.")
    warn("the text is not in UTF-8; it was read as Windows-1252")
    return _unify(raw.decode("cp1252", "replace"))


def _encodings(raw: bytes) -> list[str]:
    found = [encoding for mark, encoding in _MARKS if raw.startswith(mark)]
    if b"\0" not in raw:
        said = _META.search(raw[:META_BYTES])
        found += ["utf-8"] if said is None else [said[1].decode(), "utf-8"]
    return found


def _unify(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_plain(source: str) -> Content:
    """Take a text as it stands."""
    text = TextBuilder()
    text.add(source)
    return Content(format="text", text=text.build(), outline=[], truncated=text.truncated)


def read_markdown(source: str) -> Content:
    """Take a text as it stands, and find its headings (CommonMark, 4.2 and 4.3)."""
    text, outline = TextBuilder(), Outline()
    text.add(source)
    whole = text.build()
    fence, before = "", ""
    for line in whole.split("\n"):
        opened = _FENCE.match(line)
        if opened and (not fence or (opened[1].startswith(fence) and not line.strip(" `~"))):
            fence, before = "" if fence else opened[1], ""
        elif fence:
            continue
        elif found := _ATX.match(line):
            outline.add(len(found[1]), found[2])
            before = ""
        elif before and (under := _UNDERLINE.match(line)):
            outline.add(1 if under[1].startswith("=") else 2, before)
            before = ""
        else:
            before = line.strip()
    return Content(format="markdown", text=whole, outline=outline.headings, truncated=text.truncated)
