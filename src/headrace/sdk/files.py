"""Files that a handler reads and writes. Part of the SDK; import from `headrace.task`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Protocol

from msgspec import Meta

from headrace.contracts.file_fields import ACCEPT_KEYWORD, FILE_KEYWORD
from headrace.contracts.files import MEDIA_TYPE_CHARS_MAX, NAME_CHARS_MAX
from headrace.contracts.patterns import NOT_PRINTABLE
from headrace.sdk.retries import Retry

READ_BYTES_MAX: Final = 16 << 20  # of a file that is read into memory at once
CHUNK_BYTES: Final = 1 << 20  # of a file that is read in chunks

File = Annotated[str, Meta(extra_json_schema={FILE_KEYWORD: True})]
"""A field of an input that is a file of whoever submits the task. Its value is the id of the file, for `Context.open`."""

Source = bytes | Path | AsyncIterable[bytes]
"""What an ``async`` handler saves: bytes, a file of this machine, or chunks as they come."""

SyncSource = bytes | Path | Iterable[bytes]
"""What a plain function saves: bytes, a file of this machine, or chunks as they come."""

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9*][a-z0-9!#$&^_.+*-]*", re.IGNORECASE)
_PARAMETERS = re.compile(r"( *; *[a-z0-9-]+=[a-z0-9_.+-]+)*", re.IGNORECASE)
_NO_NAME = re.compile(rf"[{NOT_PRINTABLE}/\\\ud800-\udfff]")


def accepts(*media_types: str) -> Meta:
    """Return what is said of a field that takes some files only.

    A field says it beside its type: ``photo: Annotated[File, accepts("image/*")]``.

    Raises:
        ValueError: One of them is no media type, such as ``image/*`` or ``application/pdf``.
    """
    for each in media_types:
        if not _MEDIA_TYPE.fullmatch(each):
            raise ValueError(f"accepts({each!r}): say a media type, such as 'image/*' or 'application/pdf'")
    return Meta(extra_json_schema={ACCEPT_KEYWORD: list(media_types)})


class FileError(Exception):
    """A file cannot be had, and trying again does not help. The message is a sentence."""


class FileMissing(FileError):
    """There is no such file, or it belongs to somebody else, or was deleted."""


class FileTooLarge(FileError):
    """The file is larger than what is possible here."""


class NoFileStore(FileError):
    """The installation keeps no files."""


class FileStoreUnavailable(Retry):
    """The storage of files does not answer, or breaks off. The task is tried again, whatever the ``retry_on`` of its kind says."""

    def __init__(self, message: str = "the storage of files is not available at the moment") -> None:
        super().__init__(None, message)


class OpenedFile(Protocol):
    """What is known of a file that a handler has opened."""

    @property
    def id(self) -> str:
        """The id of the file."""
        ...

    @property
    def name(self) -> str:
        """Its name, as whoever uploaded it calls it."""
        ...

    @property
    def media_type(self) -> str:
        """Its media type."""
        ...

    @property
    def size(self) -> int:
        """Its bytes."""
        ...

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes, in hexadecimal."""
        ...


class OpenFile(OpenedFile, Protocol):
    """A file that an ``async`` handler has opened: ``async for chunk in file`` reads it in chunks of about a megabyte."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def read(self) -> bytes:
        """Read all of a file of at most 16 MB.

        Raises:
            FileTooLarge: It is larger; read it in chunks, or by its path.
        """
        ...

    async def path(self) -> Path:
        """Return a local copy, which is the handler's own until the attempt ends."""
        ...


class SyncOpenFile(OpenedFile, Protocol):
    """A file that a plain function has opened: ``for chunk in file`` reads it in chunks of about a megabyte."""

    def __iter__(self) -> Iterator[bytes]: ...

    def read(self) -> bytes:
        """Read all of a file of at most 16 MB.

        Raises:
            FileTooLarge: It is larger; read it in chunks, or by its path.
        """
        ...

    def path(self) -> Path:
        """Return a local copy, which is the handler's own until the attempt ends."""
        ...


def checked_name(name: object) -> str:
    """Return the name of a file that is to be saved.

    Raises:
        TypeError: It is no str.
        ValueError: It is empty, has more than 255 characters, or has characters that no name of a file has.
    """
    if not isinstance(name, str):
        raise TypeError(f"a file is saved under a str, not {type(name).__name__}")
    if not 1 <= len(name) <= NAME_CHARS_MAX:
        raise ValueError(f"the name of a file has 1 to {NAME_CHARS_MAX} characters, this one has {len(name)}")
    if found := _NO_NAME.search(name):
        raise ValueError(f"the name of a file has no {found[0]!r}")
    return name


def checked_media_type(media_type: object) -> str:
    """Return the media type of a file that is to be saved.

    Raises:
        TypeError: It is no str.
        ValueError: It is none, such as ``text/csv`` or ``text/plain; charset=utf-8``.
    """
    if not isinstance(media_type, str):
        raise TypeError(f"a media type is a str, not {type(media_type).__name__}")
    found = _MEDIA_TYPE.match(media_type)
    if len(media_type) > MEDIA_TYPE_CHARS_MAX or not found or not _PARAMETERS.fullmatch(media_type, found.end()):
        raise ValueError(f"{media_type[:80]!r} is no media type; say one such as 'text/csv'")
    return media_type


def check_readable_at_once(size: int) -> None:
    """Make sure that a file can be read into memory.

    Raises:
        FileTooLarge: It is too large for that.
    """
    if size > READ_BYTES_MAX:
        raise FileTooLarge(
            f"a file of {size:,} bytes is over the {READ_BYTES_MAX:,} that are read at once; read it in chunks, or by its path"
        )
