"""Files on this machine, as plain functions read them in the worker, in processes and in tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast

from headrace.contracts.files import FileRecord
from headrace.sdk.files import CHUNK_BYTES, SyncSource, check_readable_at_once

_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")


class LocalFile:
    """A `headrace.task.SyncOpenFile` of which there is a local copy, or will be one when it is needed.

    Args:
        record: The file.
        fetch: Makes the copy, once, and returns where it is.
    """

    def __init__(self, record: FileRecord, fetch: Callable[[], Path]) -> None:
        self.id = record.id
        self.name = record.name
        self.media_type = record.media_type
        self.size = record.size
        self.sha256 = record.sha256
        self._fetch = fetch

    def __iter__(self) -> Iterator[bytes]:
        with self._fetch().open("rb") as opened:
            while chunk := opened.read(CHUNK_BYTES):
                yield chunk

    def read(self) -> bytes:
        """See `headrace.task.OpenFile.read`.

        Raises:
            FileTooLarge: It is larger than 16 MB.
        """
        check_readable_at_once(self.size)
        return self._fetch().read_bytes()

    def path(self) -> Path:
        """See `headrace.task.OpenFile.path`."""
        return self._fetch()


def local_name(file: str, name: str) -> str:
    """Return the name of the local copy of a file: its id, with the suffix that tells programs its format."""
    suffix = Path(name).suffix
    return file + (suffix if _SUFFIX.fullmatch(suffix) else "")


def write_source(source: SyncSource, path: Path) -> Path:
    """Return where a source is on this machine: the path that it is, or ``path``, to which it is written.

    Raises:
        OSError: There is no room.
        TypeError: The source is none, or has chunks that are no bytes.
    """
    if isinstance(source, Path):
        return source.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("xb") as opened:
        for chunk in [source] if isinstance(source, bytes) else checked_chunks(source):
            opened.write(chunk)
    return path


def checked_chunks(source: object) -> Iterator[bytes]:
    """Yield the chunks of a source.

    Raises:
        TypeError: The source is none, or has chunks that are no bytes.
    """
    if isinstance(source, str) or not isinstance(source, Iterable):
        raise TypeError(f"save bytes, a Path, or chunks of bytes, not {type(source).__name__}")
    for chunk in cast("Iterable[object]", source):
        yield checked_chunk(chunk)


def checked_chunk(chunk: object) -> bytes:
    """Return a chunk of a file.

    Raises:
        TypeError: It is no bytes.
    """
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise TypeError(f"a file is made of chunks of bytes, not of {type(chunk).__name__}")
    return bytes(cast("bytes", chunk))
