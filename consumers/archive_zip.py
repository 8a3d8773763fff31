"""Many files as one archive, as the results of a batch."""

from __future__ import annotations

from typing import Annotated

import msgspec

from headrace.task import Context, File, Results, Title, task

FILES_MAX = 10_000
RENAMED_SHOWN_MAX = 1_000  # at up to 400 bytes of JSON each, so that a result stays below 512 KB


class Archive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One ZIP archive of up to 10,000 files, or of the results of a batch and all files that its tasks have saved.

    The files keep their names, as far as every system can unpack them: what is not allowed in a name becomes _, and a second
    report.pdf becomes report (2).pdf. Those of a batch are in a folder for each task. When one of the files is gone, there is no archive.
    """

    files: (
        Annotated[
            list[File],
            msgspec.Meta(min_length=1, max_length=FILES_MAX, description="The files, in the order of the archive."),
        ]
        | None
    ) = None
    name: Annotated[
        Title, msgspec.Meta(max_length=200, description="What the archive is called.", examples=["Photos of May"])
    ] = "files"
    results: Results | None = None

    def __post_init__(self) -> None:
        if (self.files is None) == (self.results is None):
            raise ValueError("Give either `files` or `results`, and not both.")


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
    from ._archive.contents import of_batch, of_files
    from ._archive.members import Members
    from ._archive.names import make_safe
    from ._archive.zip_stream import stream_zip

    contents = of_files(input.files or ()) if input.results is None else await of_batch(context, input.results)
    members = Members(context, contents, RENAMED_SHOWN_MAX)
    name = f"{make_safe(input.name.removesuffix('.zip'))}.zip"
    saved = await context.save(name, stream_zip(members.open_all()), "application/zip")
    return Archived(
        file=saved.id,
        name=saved.name,
        size=saved.size,
        files=members.count,
        content_bytes=members.size,
        renamed=[Renamed(file=file, name=name) for file, name in members.renamed],
    )
