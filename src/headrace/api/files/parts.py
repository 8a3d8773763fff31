"""The parts of an upload: which of them are there, where the others are sent, and the ones that pass through this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from headrace.api.files.stream import exactly
from headrace.contracts.files import (
    FileState,
    Upload,
    UploadPart,
    part_bytes_of,
    part_key,
    part_sizes_of,
    parts_prefix,
)
from headrace.file_errors import FileNotFound, UploadEnded
from headrace.identity.file_urls import FileUrls
from headrace.objects import Objects
from headrace.store.file_table import FileRow

URL_SECONDS = 6 * 3600  # of a URL for a part: as long as a large file takes on a slow line; then it is asked for anew
# What Azure wants of whoever writes a blob at once. Other stores have no header of this name.
_HEADERS = {"x-ms-blob-type": "BlockBlob"}


def part_sizes(row: FileRow) -> list[int]:
    """Return the size of each part of an upload."""
    return part_sizes_of(row.size)


async def find_parts(objects: Objects, row: FileRow) -> dict[int, int]:
    """Return the size of each part that is there, by its number.

    Raises:
        ObjectsUnavailable: The store does not answer.
    """
    found: dict[int, int] = {}
    async for each in objects.list(parts_prefix(row.owner, row.id)):
        number = each.key.rpartition("/")[2]
        if number.isdecimal():
            found[int(number)] = each.size
    return found


async def describe_upload(objects: Objects, urls: FileUrls, row: FileRow, base: str, now: datetime) -> Upload:
    """Say which parts of an upload are there, and where to send the others.

    Args:
        objects: The store.
        urls: Signs the URLs of this API.
        row: The upload.
        base: Where this API is, as its clients reach it.
        now: The present time.

    Raises:
        ObjectsUnavailable: The store does not answer.
    """
    there = await find_parts(objects, row)
    expires = int((now + timedelta(seconds=URL_SECONDS)).timestamp())
    parts: list[UploadPart] = []
    start = 0
    for number, size in enumerate(part_sizes(row), 1):
        url = None
        if there.get(number) != size:
            url = await objects.sign("PUT", part_key(row.owner, row.id, number), URL_SECONDS)
            url = url or _own_url(urls, row, base, number, expires)
        parts.append(UploadPart(number=number, start=start, size=size, url=url))
        start += size
    return Upload(
        part_bytes=part_bytes_of(row.size),
        parts=parts,
        headers={} if objects.is_local else _HEADERS,
        urls_expire_at=datetime.fromtimestamp(expires, UTC),
    )


def use_of_part(file: str, number: int) -> str:
    """Return what the URL of a part is signed for. How long the part is, the upload says, which may be deleted meanwhile."""
    return f"put {file} {number}"


async def remove_late(objects: Objects, row: FileRow, number: int, now: FileRow | None) -> None:
    """Remove a part that has arrived after the end of its upload, when nobody removes its parts any more.

    Args:
        objects: The store.
        row: The upload, as it was before the part was written.
        number: The part.
        now: The upload as it is now; None when it was deleted.

    Raises:
        FileNotFound: The upload was deleted meanwhile.
        UploadEnded: It has ended meanwhile.
        ObjectsUnavailable: The store does not remove it.
    """
    if now is None or now.state in (FileState.READY, FileState.REFUSED):
        await objects.remove(part_key(row.owner, row.id, number))
    if now is None:
        raise FileNotFound("this upload was deleted while the part arrived; begin another one")
    if now.state == FileState.REFUSED:
        raise UploadEnded("this upload was refused while the part arrived; begin another one")


async def put_part(objects: Objects, row: FileRow | None, number: int, source: AsyncIterator[bytes]) -> None:
    """Write a part of an upload to a directory.

    Raises:
        FileNotFound: There is no such upload, or it has no such part.
        UploadEnded: It was completed or refused.
        WrongSize: The source has more or fewer bytes than the part. Nothing is left of them.
        ObjectsUnavailable: The directory does not take them.
    """
    if row is None or not 1 <= number <= len(part_sizes(row)):
        raise FileNotFound("there is no such upload any more, or it has no such part")
    if row.state != FileState.UPLOADING:
        raise UploadEnded(f"this upload is {row.state}, and takes no more parts; begin another one to send other bytes")
    size = part_sizes(row)[number - 1]
    await objects.write(part_key(row.owner, row.id, number), exactly(source, size), size_max=size)


def _own_url(urls: FileUrls, row: FileRow, base: str, number: int, expires: int) -> str:
    signature = urls.sign(use_of_part(row.id, number), expires)
    return f"{base}/api/v1/files/{row.id}/parts/{number}?expires={expires}&signature={signature}"
