"""Upload, list, download and delete files."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import AsyncGenerator
from functools import cached_property
from pathlib import Path

from headrace.client.answers import UnusableRequest
from headrace.client.connection import Call, Connection, given, path
from headrace.client.file_transfers import OnProgress, Source, fetch, send_parts
from headrace.contracts.files import ANY_BYTES, File, FileDetail, FilePage, FileState, NewFile

PAGE_FILES = 100  # of a request; the API gives 200 at most
COMPLETE_SECONDS = 60.0  # the API answers after twenty, whether it is done or not
COMPLETE_PAUSE_SECONDS = 1.0  # before it is asked again
_HASHED_BYTES = 1 << 20


class Files:
    """The files of the owner of a key, as `Client.files`.

    Every method raises `ProblemError` when the API refuses, for example with `file_not_found` or `quota_exceeded`, and
    `httpx.TransportError` when the API or the store does not answer.

    Args:
        connection: The client.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def upload(
        self,
        source: Path | str | bytes,
        *,
        name: str | None = None,
        media_type: str | None = None,
        resume: bool = True,
        on_progress: OnProgress | None = None,
    ) -> File:
        """Upload a file, in parts that are sent again when a connection breaks.

        An upload that was interrupted is continued: one of the same name, size and content whose parts the API still has.

            file = await client.files.upload(Path("photo.jpg"))

        Args:
            source: The path of a file, or its bytes.
            name: What it is called; the name of the path by default.
            media_type: Its type; by default what the name ends with says.
            resume: Whether to look for an upload that can be continued.
            on_progress: Called with the bytes that are there, and how many there will be.

        Raises:
            UnusableRequest: There is no such file, or bytes without a name.
            ProblemError: The API refused, or what has arrived is not what was sent.
            httpx.TransportError: The API or the store did not answer `ATTEMPTS_MAX` times in a row. Upload it again to go on.
        """
        opened = await self._connection.driver.in_thread(_open, source)
        called = name or (Path(source).name if not isinstance(source, bytes) else None)
        if called is None:
            raise UnusableRequest("say what the file is called: name=")
        new = NewFile(
            name=called,
            size=opened.size,
            media_type=media_type or mimetypes.guess_type(called)[0] or ANY_BYTES,
            sha256=await self._connection.driver.in_thread(_sha256_of, opened),
        )
        begun = (await self._find_interrupted(new) if resume else None) or await self._begin(new)
        await send_parts(self._connection.driver, begun, opened, self.get, on_progress)
        return await self._complete(begun.id)

    async def download(
        self, file: str, to: Path | str | None = None, *, on_progress: OnProgress | None = None
    ) -> bytes:
        """Download a file, into a file or into memory, going on where a connection broke.

        Args:
            file: Its id.
            to: Where to write it, under another name until it is complete; None to return its bytes.
            on_progress: Called with the bytes that are there, and how many there will be.

        Returns:
            Its bytes; none when they were written.

        Raises:
            ProblemError: The API refused, or the bytes are not those of the file.
            httpx.TransportError: The API or the store did not answer `ATTEMPTS_MAX` times in a row.
        """
        found = await self.get(file)
        return await fetch(self._connection, found, None if to is None else Path(to), on_progress)

    async def get(self, file: str) -> FileDetail:
        """Read what is known of a file, by its id."""
        return await self._connection.ask(Call(method="GET", path=path("files", file), repeatable=True), FileDetail)

    async def list(
        self,
        *,
        q: str | None = None,
        task: str | None = None,
        state: FileState | None = None,
        page_size: int = PAGE_FILES,
    ) -> AsyncGenerator[File]:
        """Give every file, the newest first: those with ``q`` in their name, of a task, or in a state."""
        params = given(q=q, task=task, state=state, limit=page_size)
        while True:
            page = await self._connection.ask(
                Call(method="GET", path="/files", params=params, repeatable=True), FilePage
            )
            for file in page.items:
                yield file
            if page.next_cursor is None:
                return
            params["cursor"] = page.next_cursor

    async def delete(self, file: str) -> None:
        """Delete a file that was uploaded, by its id."""
        await self._connection.ask_without_answer(Call(method="DELETE", path=path("files", file)))

    async def _begin(self, new: NewFile) -> FileDetail:
        # One that was begun twice expires.
        return await self._connection.ask(Call(method="POST", path="/files", body=new, repeatable=True), FileDetail)

    async def _find_interrupted(self, new: NewFile) -> FileDetail | None:
        async for file in self.list(q=new.name, state=FileState.UPLOADING):
            if (file.name, file.size, file.sha256, file.media_type) == (new.name, new.size, new.sha256, new.media_type):
                found = await self.get(file.id)
                return found if found.upload is not None else None
        return None

    async def _complete(self, file: str) -> File:
        call = Call(method="PUT", path=path("files", file, "completion"), patience=COMPLETE_SECONDS, repeatable=True)
        while True:
            done = await self._connection.ask(call, File)
            if done.state == FileState.READY:
                return done
            await self._connection.driver.pause(COMPLETE_PAUSE_SECONDS)


class WithFiles(Connection):
    """The part of `Client` for files."""

    @cached_property
    def files(self) -> Files:
        """The files of the owner of the key."""
        return Files(self)


def _open(source: Path | str | bytes) -> Source:
    if isinstance(source, bytes):
        return Source(None, source, len(source))
    try:
        return Source(Path(source), b"", Path(source).stat().st_size)
    except OSError as error:
        raise UnusableRequest(f"{source} cannot be read: {error.strerror}") from error


def _sha256_of(source: Source) -> str:
    hashed = hashlib.sha256()
    for start in range(0, source.size, _HASHED_BYTES):
        hashed.update(source.read(start, min(_HASHED_BYTES, source.size - start)))
    return hashed.hexdigest()
