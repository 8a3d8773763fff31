"""The files of the caller: those that were uploaded, and those that tasks have produced."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import partial
from typing import Annotated, NamedTuple

from litestar import Response, get
from litestar.params import Parameter

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.parts import Reading
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AnyRequest, AtCursor, AtLeast
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import ApiState, state_of
from headrace.contracts.files import NAME_CHARS_MAX, File, FileState
from headrace.contracts.patterns import NO_NUL_PATTERN
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.files import FileEntry, FileStorage, FilesV1
from headrace.contracts.titles import short_id
from headrace.media_types import is_shown
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor
from headrace.store.files import FileFilter, FileUsage, list_files, read_usage
from headrace.store.snapshot import Reads
from headrace.store.tasks import find_titles


class Page(NamedTuple):
    """One page of files, and where the next one begins."""

    items: list[FileEntry]
    next_cursor: str | None


@get(
    "/member/files",
    operation_id="show_files",
    opt=access("tasks:read") | belongs_to(Mount.MEMBER),
    operation_class=OfOwner,
    summary="Files, newest first",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_files(
    request: AnyRequest,
    q: Annotated[
        str | None,
        Parameter(max_length=NAME_CHARS_MAX, pattern=NO_NUL_PATTERN, description="A part of the name, in any case."),
    ] = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> Response[FilesV1]:
    """Also those that are being uploaded, and those that were refused, with the reason. An installation that keeps no files has none."""
    api, owner = state_of(request), caller(request)
    after = None if cursor is None else Cursor.parse(cursor)
    wanted = FileFilter(text=None if not q else unicodedata.normalize("NFC", q))
    items = Reading("items", partial(_page, owner, wanted, after, limit))
    storage = Reading("storage", partial(_storage, api, owner))

    def build(composed: Composed) -> FilesV1:
        page = composed.value(items)
        return FilesV1(
            **composed.envelope,
            items=None if page is None else page.items,
            next_cursor=None if page is None else page.next_cursor,
            storage=composed.value(storage),
        )

    source = FromReadModel(api, items, storage, at_least=at_least)
    return await api.screens.show(request, FilesV1, build, source)


async def _page(owner: str, wanted: FileFilter, after: Cursor | None, limit: int, session: Reads) -> Page:
    found, more = await list_files(session, owner, wanted, after, limit)
    titles = await find_titles(session, owner, {each.task for each in found if each.task is not None})
    return Page([_entry(each, titles) for each in found], str(more) if more else None)


async def _storage(api: ApiState, owner: str, session: Reads) -> FileStorage | None:
    if not api.files.are_kept:
        return None
    used = (await read_usage(session, [owner])).get(owner, FileUsage())
    return FileStorage(
        files=used.files,
        used_bytes=used.bytes,
        limit_bytes=api.files.settings.owner_bytes_max,
        file_bytes=api.files.bytes_max,
    )


def _entry(file: File, titles: Mapping[str, str]) -> FileEntry:
    # Only the first bytes of a file tell for certain, and whoever sends it looks at them.
    inline = file.state is FileState.READY and is_shown(file.media_type, b"")
    task = None if file.task is None else Ref(id=file.task, name=titles.get(file.task) or short_id(file.task))
    return FileEntry(
        id=file.id,
        name=file.name,
        media_type=file.media_type,
        size=file.size,
        state=file.state,
        reason=file.reason,
        inline=inline,
        task=task,
        created_at=file.created_at,
        ready_at=file.ready_at,
        expires_at=file.expires_at,
    )
