"""Sending the bytes of a file: all of them, or a range, to a client that may have them already (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, NamedTuple

from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from headrace.api.edge.headers import read_headers
from headrace.api.edge.methods import is_head
from headrace.api.edge.security_headers import Kind, answer_as
from headrace.contracts.files import content_key
from headrace.file_errors import FileNotFound, ObjectMissing
from headrace.file_names import content_disposition
from headrace.media_types import is_shown
from headrace.objects import HEAD_BYTES, Objects
from headrace.store.file_table import FileRow

_RANGE = re.compile(r"bytes ?= ?(\d{0,18})-(\d{0,18})")


class Part(NamedTuple):
    """What of a file is sent: the bytes from ``start`` to before ``end``."""

    start: int
    end: int


async def file_response(objects: Objects, row: FileRow, scope: Scope, cache_control: str) -> Response[bytes]:
    """Answer with the bytes of a file.

    The first of them are read before the answer begins, so that a store which does not answer becomes an error.

    Raises:
        FileNotFound: The store has lost the file.
        ObjectsUnavailable: The store does not answer.
    """
    asked, etag = read_headers(scope), f'"{row.sha256}"'
    answer_as(scope, Kind.FILE)
    headers = {"ETag": etag, "Cache-Control": cache_control, "Accept-Ranges": "bytes"}
    if _has(asked.get(b"if-none-match"), etag):
        return Response(b"", status_code=304, headers=headers)
    # A range of another version would be put together with what the client has of this one.
    is_same = asked.get(b"if-range", etag.encode()).strip() == etag.encode()
    part = read_range(asked.get(b"range", b"").decode("latin-1"), row.size) if is_same else Part(0, row.size)
    if part is None:
        return Response(b"", status_code=416, headers={**headers, "Content-Range": f"bytes */{row.size}"})
    head = await _read_head(objects, row)
    headers |= {
        "Content-Length": str(part.end - part.start),
        "Content-Disposition": content_disposition(row.name, is_shown=is_shown(row.media_type, head)),
    }
    is_whole = part == Part(0, row.size)
    if not is_whole:
        headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{row.size}"
    chunks = None if is_head(scope) or part.start == part.end else _read(objects, row, part)
    return FileResponse(chunks, status_code=200 if is_whole else 206, media_type=row.media_type, headers=headers)


def read_range(header: str, size: int) -> Part | None:
    """Return what a Range header asks for; None when there is no such range. Several ranges at once are answered with all bytes."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or (not found[1] and not found[2]):
        return Part(0, size)
    if not found[1]:
        # So many bytes at the end.
        return Part(max(0, size - int(found[2])), size) if int(found[2]) and size else None
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < start:
        return Part(0, size)
    return Part(start, end) if start < size else None


class FileResponse(Response[bytes]):
    """A response whose body is read while it is sent.

    Args:
        chunks: The bytes; None for the headers alone.
        options: Those of Litestar's response.
    """

    def __init__(self, chunks: AsyncGenerator[bytes] | None, **options: Any) -> None:
        super().__init__(b"", **options)
        self._chunks = chunks

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **options: Any) -> ASGIResponse:
        """Return what Litestar sends."""
        headers: dict[str, Any] = {**self.headers, **(options.get("headers") or {})}
        sender = _Sender(headers=headers, media_type=self.media_type, status_code=self.status_code)
        sender.chunks = self._chunks
        return sender


class _Sender(ASGIResponse):
    __slots__ = ("chunks",)

    chunks: AsyncGenerator[bytes] | None
    _should_set_content_length = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.start_response(send)
        if self.chunks is not None:
            async with aclosing(self.chunks) as chunks:
                if not await _send_all(chunks, receive, send):
                    return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_all(chunks: AsyncGenerator[bytes], receive: Receive, send: Send) -> bool:
    """Send chunks until there are no more; returns whether the client has stayed for all of them."""
    leaving = asyncio.ensure_future(_until_gone(receive))
    try:
        async for chunk in chunks:
            if leaving.done():
                return False
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        return True
    finally:
        leaving.cancel()


async def _until_gone(receive: Receive) -> None:
    """Return when the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read_head(objects: Objects, row: FileRow) -> bytes:
    """Return the first bytes of a file, which decide whether it may be shown.

    Raises:
        FileNotFound: The store has lost the file.
        ObjectsUnavailable: The store does not answer.
    """
    try:
        if not row.size:
            return b""
        whole = objects.read(content_key(row.owner, row.id), 0, min(row.size, HEAD_BYTES))
        return b"".join([chunk async for chunk in whole])
    except ObjectMissing as error:
        raise FileNotFound(f"the bytes of file {row.id!r} are gone from the storage; upload it again") from error


async def _read(objects: Objects, row: FileRow, part: Part) -> AsyncGenerator[bytes]:
    async for chunk in objects.read(content_key(row.owner, row.id), part.start, part.end):
        yield chunk


def _has(given: bytes | None, etag: str) -> bool:
    """Return whether an If-None-Match header names a version, or any."""
    if given is None:
        return False
    named = [each.strip().removeprefix("W/") for each in given.decode("latin-1").split(",")]
    return "*" in named or etag in named
