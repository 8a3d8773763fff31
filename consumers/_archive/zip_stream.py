"""Write a ZIP as a stream, so that neither memory nor disk holds more than a piece of it."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterable, AsyncIterator
from datetime import UTC, datetime
from typing import NamedTuple

PIECE_BYTES = 1 << 20  # of what is handed on at once
LEVEL = 1  # the fastest of deflate, for 90 % of what it saves at its best

# What is compressed already becomes no smaller.
_COMPRESSED = ("image/", "video/", "audio/", "font/woff")
_COMPRESSIBLE = ("image/svg+xml", "image/bmp", "image/tiff", "audio/wav", "audio/x-wav")
_PACKED = frozenset(
    (
        "application/gzip",
        "application/pdf",
        "application/vnd.apache.parquet",
        "application/vnd.rar",
        "application/x-7z-compressed",
        "application/x-xz",
        "application/zip",
        "application/zstd",
    )
)


class Member(NamedTuple):
    """A file of the archive; ``size`` is in bytes, ``chunks`` are its content."""

    name: str
    media_type: str
    size: int
    chunks: AsyncIterable[bytes]


async def stream_zip(members: AsyncIterable[Member]) -> AsyncIterator[bytes]:
    """Give the bytes of a ZIP piece by piece, as its members come."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        async for member in members:
            async for piece in _write_member(archive, member, sink):
                yield piece
    if last := sink.take():
        yield last


async def _write_member(archive: zipfile.ZipFile, member: Member, sink: _Sink) -> AsyncIterator[bytes]:
    with archive.open(_info(member), "w") as written:
        async for chunk in member.chunks:
            # Compressing a megabyte takes 20 ms, for which the event loop does not stand still.
            await asyncio.to_thread(written.write, chunk)
            if sink.size >= PIECE_BYTES:
                yield sink.take()


def _info(member: Member) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(member.name, datetime.now(UTC).timetuple()[:6])
    info.compress_type = zipfile.ZIP_STORED if _is_compressed(member.media_type) else zipfile.ZIP_DEFLATED
    # Only from Python 3.13 on it has a public name.
    info._compresslevel = LEVEL  # type: ignore[attr-defined] # pyright: ignore
    # From this the writer knows whether the member needs ZIP64.
    info.file_size = member.size
    # A file that its owner may write and everybody may read, as `zip` would have it.
    info.external_attr = 0o100644 << 16
    return info


def _is_compressed(media_type: str) -> bool:
    plain = media_type.partition(";")[0].strip().lower()
    is_office = plain.startswith(("application/vnd.openxmlformats", "application/vnd.oasis"))
    return plain in _PACKED or is_office or (plain.startswith(_COMPRESSED) and plain not in _COMPRESSIBLE)


class _Sink(io.RawIOBase):
    """Where the writer puts the archive; it cannot go back, so sizes stand behind members.

    Attributes:
        size: Bytes that nobody has taken yet.
    """

    def __init__(self) -> None:
        self.size = 0
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: bytes, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        written = bytes(data)
        self.size += len(written)
        self._parts.append(written)
        return len(written)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        whole = b"".join(self._parts)
        self._parts, self.size = [], 0
        return whole
