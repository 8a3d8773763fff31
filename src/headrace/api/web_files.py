"""The files of the built web app, read into memory: an app that is replaced meanwhile is not served by halves."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from headrace.web_place import ASSETS, INDEX, PREVIOUS

APP_BYTES_MAX = 64 << 20  # of all files together; the app has about 3 MB, and a wrong directory could have anything
SMALL_BYTES = 1024  # less gains nothing from compression

_COMPRESSED = {".gz": "gzip", ".br": "br"}
_TEXTS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
}
_BINARIES = {
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".wasm": "application/wasm",
}
_MEDIA_TYPES = _TEXTS | _BINARIES


class WebAppTooLarge(Exception):
    """The directory of the web app has more than an app has."""


class WebFile(Struct, frozen=True, kw_only=True):
    """A file of the app.

    Attributes:
        media_type: Its Content-Type.
        etag: Names its content, whatever its encoding is.
        encodings: Its content, by content coding. ``identity`` is always there.
    """

    media_type: str
    etag: str
    encodings: Mapping[str, bytes]

    @classmethod
    def of(cls, suffix: str, content: bytes, compressed: Mapping[str, bytes]) -> WebFile:
        """Return a file with its content; text that is not compressed yet is compressed now."""
        if suffix in _TEXTS and len(content) >= SMALL_BYTES and "gzip" not in compressed:
            compressed = {**compressed, "gzip": gzip.compress(content, mtime=0)}
        smaller = {coding: each for coding, each in compressed.items() if len(each) < len(content)}
        return cls(
            media_type=_MEDIA_TYPES[suffix],
            etag=f'W/"{hashlib.sha256(content).hexdigest()[:20]}"',
            encodings={"identity": content, **smaller},
        )


def read_app(directory: Path) -> dict[str, WebFile]:
    """Return the files of a built app by their paths in URLs, which begin with a slash. Empty where there is no app.

    Assets of the build before are there too, so that pages which were opened then find what they load later.

    Raises:
        WebAppTooLarge: The directory has more than an app has.
    """
    if not (directory / INDEX).is_file():
        return {}
    room = APP_BYTES_MAX
    found: dict[str, WebFile] = {}
    for path, file in _files(directory):
        file_, size = _read(file)
        room -= size
        if room < 0:
            raise WebAppTooLarge(f"{directory} has more than {APP_BYTES_MAX >> 20} MB, and so is not the web app")
        # What the present build has comes first.
        found.setdefault(path, file_)
    return found


def _files(directory: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files that are served, by their paths in URLs. Links are not followed."""
    for below in (directory, directory / PREVIOUS):
        for file in sorted(below.rglob("*")):
            relative = file.relative_to(below)
            is_own = relative.parts[0] == ASSETS if below != directory else relative.parts[0] != PREVIOUS
            is_hidden = any(part.startswith(".") for part in relative.parts)
            if is_own and not is_hidden and file.suffix in _MEDIA_TYPES and not file.is_symlink() and file.is_file():
                yield f"/{relative.as_posix()}", file


def _read(file: Path) -> tuple[WebFile, int]:
    """Return a file, and the bytes that were read for it."""
    content = file.read_bytes()
    beside = {coding: file.with_name(file.name + suffix) for suffix, coding in _COMPRESSED.items()}
    compressed = {coding: each.read_bytes() for coding, each in beside.items() if each.is_file()}
    return WebFile.of(file.suffix, content, compressed), len(content) + sum(map(len, compressed.values()))
