"""The bytes of files between this machine and the store: several parts at a time, and what breaks is tried again.

URLs of a store have their own signature, and are asked without the key of the API.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from headrace.client.answers import NOT_HEADRACE, Answer, ProblemError, read_answer
from headrace.client.connection import Connection, path
from headrace.client.driver import Driver, opened
from headrace.client.retries import Retries
from headrace.contracts.files import FileDetail, UploadPart
from headrace.loopback import is_this_machine

PARTS_AT_A_TIME = 3  # more make no line faster, and a broken one loses more
CHUNK_BYTES = 256 << 10  # sent or written at once
STEP_SECONDS = 60.0  # without a byte
RENEWALS_MAX = 3  # of the URL of one part
PARTIAL = 206
_URL_REFUSED = frozenset({403, 404, 409})

OnProgress = Callable[[int, int], None]
"""Is called with the bytes that are there, and how many there will be."""


class Source(NamedTuple):
    """What is uploaded: a file, or bytes in memory; ``size`` is in bytes."""

    path: Path | None
    content: bytes
    size: int

    def read(self, start: int, size: int) -> bytes:
        """Return some bytes. Fewer come from a file that was cut meanwhile."""
        if self.path is None:
            return self.content[start : start + size]
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)


class _Count:
    """Counts bytes for somebody who watches."""

    def __init__(self, on_progress: OnProgress | None, there: int, size: int) -> None:
        self._on_progress = on_progress
        self._there = there
        self._size = size
        # A client that blocks sends parts in several threads.
        self._adding = threading.Lock()
        self.add(0)

    def add(self, more: int) -> None:
        with self._adding:
            self._there += more
            if self._on_progress is not None:
                self._on_progress(self._there, self._size)


async def send_parts(
    driver: Driver,
    file: FileDetail,
    source: Source,
    ask_again: Callable[[str], Awaitable[FileDetail]],
    on_progress: OnProgress | None,
) -> None:
    """Send the parts of an upload that are not there.

    Args:
        driver: The one of the client.
        file: The upload.
        source: What is uploaded.
        ask_again: Returns the upload with new URLs.
        on_progress: Called with the bytes that are there, and how many there will be.

    Raises:
        ProblemError: A part is refused.
        httpx.TransportError: The store does not answer, again and again.
    """
    missing = [] if file.upload is None else [part for part in file.upload.parts if part.url is not None]
    if not missing or file.upload is None:
        return
    count = _Count(on_progress, file.size - sum(part.size for part in missing), file.size)
    async with _without_key(driver, missing[0].url or "") as plain:
        sender = _PartSender(plain, file.id, file.upload.headers, source, ask_again, count)
        await plain.together(sender.send, missing, PARTS_AT_A_TIME)


class _PartSender:
    def __init__(
        self,
        driver: Driver,
        file: str,
        headers: dict[str, str],
        source: Source,
        ask_again: Callable[[str], Awaitable[FileDetail]],
        count: _Count,
    ) -> None:
        self._driver = driver
        self._file = file
        self._headers = headers
        self._source = source
        self._ask_again = ask_again
        self._count = count

    async def send(self, part: UploadPart) -> None:
        retries, url, renewed = Retries(self._driver), part.url, 0
        while url is not None:
            try:
                status, answer = await self._put(url, part)
                if status not in _URL_REFUSED or renewed == RENEWALS_MAX:
                    answer.check_status()
                    return
                renewed += 1
                # It has expired; or the part has arrived, and the answer was lost.
                url = await self._new_url(part)
            except (httpx.TransportError, ProblemError) as error:
                retries.count(error)
                await retries.pause()

    async def _put(self, url: str, part: UploadPart) -> tuple[int, Answer]:
        sent = 0

        async def chunks() -> AsyncGenerator[bytes]:
            nonlocal sent
            end = part.start + part.size
            for start in range(part.start, end, CHUNK_BYTES):
                chunk = await self._driver.in_thread(self._source.read, start, min(CHUNK_BYTES, end - start))
                yield chunk
                sent += len(chunk)
                self._count.add(len(chunk))

        is_taken = False
        try:
            # With its length, because stores refuse a body without.
            headers = {**self._headers, "Content-Length": str(part.size)}
            content = self._driver.body(chunks())
            request = self._driver.http.build_request("PUT", url, content=content, headers=headers)
            async with opened(self._driver, request) as response:
                is_taken = response.is_success
                return response.status_code, await read_answer(self._driver, response)
        finally:
            if not is_taken:
                self._count.add(-sent)

    async def _new_url(self, part: UploadPart) -> str | None:
        upload = (await self._ask_again(self._file)).upload
        return None if upload is None else upload.parts[part.number - 1].url


async def fetch(connection: Connection, file: FileDetail, to: Path | None, on_progress: OnProgress | None) -> bytes:
    """Download a file, and compare its checksum.

    Args:
        connection: The API.
        file: The file.
        to: Where to write it; None to return its bytes.
        on_progress: Called with the bytes that are there, and how many there will be.

    Raises:
        ProblemError: The API refused, or the bytes are not those of the file.
        httpx.TransportError: The store does not answer, again and again.
    """
    count, hashed = _Count(on_progress, 0, file.size), hashlib.sha256()
    partial = None if to is None else to.with_name(f".{to.name}.{file.id}.part")
    kept = io.BytesIO() if partial is None else await connection.driver.in_thread(partial.open, "wb")
    with kept:
        async for chunk in _chunks_of(connection, file):
            await connection.driver.in_thread(_keep, kept, hashed, chunk)
            count.add(len(chunk))
        content = kept.getvalue() if isinstance(kept, io.BytesIO) else b""
    if file.sha256 is not None and hashed.hexdigest() != file.sha256:
        if partial is not None:
            partial.unlink(missing_ok=True)
        raise ProblemError(
            502, NOT_HEADRACE, f"what has arrived is not file {file.id}: its SHA-256 differs; download it again"
        )
    if partial is not None and to is not None:
        partial.replace(to)
    return content


async def _chunks_of(connection: Connection, file: FileDetail) -> AsyncGenerator[bytes]:
    """Give the bytes of a file, and go on from where a connection broke."""
    retries, there = Retries(connection.driver), 0
    while there < file.size:
        try:
            async for chunk in _chunks_from(connection, file, there):
                there += len(chunk)
                retries.reset()
                yield chunk
        except (httpx.TransportError, ProblemError) as error:
            retries.count(error)
            await retries.pause()


async def _chunks_from(connection: Connection, file: FileDetail, start: int) -> AsyncGenerator[bytes]:
    async with connection.open_content(path("files", file.id, "content"), start) as answer:
        if start and answer.status_code != PARTIAL:
            raise httpx.RemoteProtocolError("the store does not go on where it stopped")
        async for chunk in connection.driver.parts(answer, CHUNK_BYTES):
            yield chunk


def _keep(kept: IO[bytes], hashed: Any, chunk: bytes) -> None:
    hashed.update(chunk)
    kept.write(chunk)


@asynccontextmanager
async def _without_key(driver: Driver, url: str) -> AsyncGenerator[Driver]:
    """Open HTTP to wherever a URL is, without a key."""
    is_local = is_this_machine(urlsplit(url).hostname or "")
    plain = driver.plain(timeout=STEP_SECONDS, trust_env=not is_local)
    try:
        yield plain
    finally:
        await plain.close()
