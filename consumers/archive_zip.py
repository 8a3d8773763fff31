"""Many files as one archive, as the results of a batch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec

from headrace.task import Context, File, Title, task

FILES_MAX = 10_000
RENAMED_SHOWN_MAX = 1_000  # at up to 400 bytes of JSON each, so that a result stays below 512 KB


class Archive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One ZIP archive of up to 10,000 files.

    The files keep their names, as far as every system can unpack them: what is not allowed in a name becomes _, and a second
    report.pdf becomes report (2).pdf. When one of the files is gone, there is no archive.
    """

    files: Annotated[
        list[File],
        msgspec.Meta(min_length=1, max_length=FILES_MAX, description="The files, in the order of the archive."),
    ]
    name: Annotated[
        Title, msgspec.Meta(max_length=200, description="What the archive is called.", examples=["Photos of May"])
    ] = "files"


class Renamed(msgspec.Struct, frozen=True, kw_only=True):
    """A file that has another name in the archive."""

    file: str
    name: str


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """``file`` is the archive, of ``size`` bytes. ``content_bytes`` are those of its files before compression.

    ``renamed`` has the first 1,000 files that are called otherwise in the archive.
    """

    file: str
    name: str
    size: int
    files: int
    content_bytes: int
    renamed: list[Renamed]


@task(timeout=4 * 3600, max_attempts=3, retry_on=())
async def archive_zip(input: Archive, context: Context) -> Archived:
    """Read the files one after the other, and write the archive meanwhile."""
    from consumers._archive.names import MemberNames, make_safe
    from consumers._archive.zip_stream import Member, stream_zip

    names, renamed, total = MemberNames(), list[Renamed](), 0

    async def members() -> AsyncIterator[Member]:
        nonlocal total
        for number, file in enumerate(input.files, 1):
            opened = await context.open(file)
            name = names.add(opened.name)
            if name != opened.name and len(renamed) < RENAMED_SHOWN_MAX:
                renamed.append(Renamed(file=file, name=name))
            yield Member(name, opened.media_type, opened.size, opened)
            total += opened.size
            await context.progress(number / len(input.files), f"{number:,} of {len(input.files):,} files")

    name = f"{make_safe(input.name.removesuffix('.zip'))}.zip"
    saved = await context.save(name, stream_zip(members()), "application/zip")
    return Archived(
        file=saved.id, name=saved.name, size=saved.size, files=len(input.files), content_bytes=total, renamed=renamed
    )
