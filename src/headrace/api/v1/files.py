"""Files: uploads begun, completed and deleted, and the lists of what there is."""

from __future__ import annotations

import unicodedata
from typing import Annotated

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import Parameter, QueryParameter

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import OfOwner, refusal, refusals
from headrace.api.edge.request import AnyRequest, AtCursor, is_id, location
from headrace.api.files.parts import describe_upload
from headrace.api.files.uploads import begin_upload, remove_upload
from headrace.api.state import ApiState, state_of
from headrace.contracts.files import NAME_CHARS_MAX, File, FileDetail, FilePage, FileState, NewFile
from headrace.contracts.patterns import NO_NUL_PATTERN
from headrace.contracts.tasks import ID_PATTERN
from headrace.file_errors import FileNotFound
from headrace.file_names import read_name
from headrace.log import clock
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor
from headrace.store.file_table import FileRow
from headrace.store.files import FileFilter, find_file, to_file
from headrace.store.files import list_files as list_page

OFF = refusal(501, "This installation keeps no files (HEADRACE_OBJECTS_URL).")
TOO_MUCH = refusal(
    413, "The file is larger than one may be, or the account has no room for it; the message names the limit."
)


@post(
    "/files",
    status_code=201,
    operation_id="create_file",
    opt=access("tasks:write"),
    summary="Begin to upload a file",
    responses=OFF | refusals(400, 404, 422) | TOO_MUCH,
)
async def create_file(request: AnyRequest, data: NewFile) -> Response[FileDetail]:
    """The answer names the parts of the upload, each with a URL that takes a PUT of its bytes, and nothing else, until it expires.
    Parts may be sent in any order, several at the same time, and again. When all are there, PUT `/files/{file}/completion`.

    An upload that is not completed within 24 hours is removed. Its size counts from now on.
    """
    api = state_of(request)
    named = msgspec.structs.replace(data, name=read_name(data.name, "/name"))
    row = await begin_upload(api.files, caller(request), named)
    return Response(await _detail(request, row), headers=location("files", row.id))


@get(
    "/files",
    operation_id="list_files",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="List files, newest first",
    responses=OFF | refusals(400),
)
async def list_files(
    request: AnyRequest,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
    q: Annotated[
        str | None,
        Parameter(max_length=NAME_CHARS_MAX, pattern=NO_NUL_PATTERN, description="A part of the name, in any case."),
    ] = None,
    task: Annotated[str | None, Parameter(pattern=ID_PATTERN, description="Produced by this task.")] = None,
    # Litestar reserves the name `state` for its own state.
    in_state: Annotated[FileState | None, QueryParameter(name="state", description="In this state.")] = None,
) -> FilePage:
    """The files of the caller: those that were uploaded, also those that are not complete, and those that its tasks have produced."""
    api = state_of(request)
    api.files.require()
    after = None if cursor is None else Cursor.parse(cursor)
    wanted = FileFilter(None if not q else unicodedata.normalize("NFC", q), task, in_state)
    async with api.read_model.session() as session:
        items, following = await list_page(session, caller(request), wanted, after, limit)
    return FilePage(items=items, next_cursor=str(following) if following else None)


@get(
    "/files/{file:str}",
    operation_id="get_file",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="One file",
    responses=OFF | refusals(404),
)
async def get_file(request: AnyRequest, file: str) -> FileDetail:
    """While the file is uploaded, the answer says which parts are there: those without a URL. The others have new URLs."""
    row = await find(state_of(request), caller(request), file)
    return await _detail(request, row)


@put(
    "/files/{file:str}/completion",
    status_code=200,
    operation_id="complete_file",
    opt=access("tasks:write"),
    summary="Complete an upload",
    responses=OFF
    | refusals(404)
    | refusal(409, "Some parts have not arrived.")
    | refusal(
        422, "The size, the checksum or the type is not what was declared. The upload is over; begin another one."
    ),
)
async def complete_file(request: AnyRequest, file: str) -> Response[File]:
    """The bytes are read once, and their size, their checksum and their type compared with what was declared. Then the file can be
    read, and given to tasks. Completing it again changes nothing.

    When that takes longer than some seconds, the answer is 202, and the file is `verifying`: send the request again to wait for the end.
    """
    api, owner = state_of(request), caller(request)
    row = await api.files.verifications.complete(owner, known_id(file))
    is_done = row.state == FileState.READY
    return Response(to_file(row), status_code=200 if is_done else 202, headers={} if is_done else {"Retry-After": "1"})


@delete(
    "/files/{file:str}",
    status_code=204,
    operation_id="delete_file",
    opt=access("tasks:write"),
    summary="Delete a file",
    responses=OFF | refusals(404) | refusal(409, "A task has produced the file; it is deleted with the task."),
)
async def delete_file(request: AnyRequest, file: str) -> None:
    """The bytes are removed as well. A task that was given the file and has not read it yet fails."""
    await remove_upload(state_of(request).files, caller(request), known_id(file))


async def find(api: ApiState, owner: str, file: str) -> FileRow:
    """Find a file of an owner.

    Raises:
        FilesOff: There is no store.
        FileNotFound: There is no such file.
        ReadModelUnavailable: Postgres cannot be reached.
    """
    api.files.require()
    async with api.read_model.session() as session:
        row = await find_file(session, owner, known_id(file))
    if row is None:
        raise _not_found(file)
    return row


def known_id(file: str) -> str:
    """Return the id of a file from a path, once it is known to be well formed.

    Raises:
        FileNotFound: No file can have this id.
    """
    if not is_id(file):
        raise _not_found(file)
    return file


def base_of(request: AnyRequest) -> str:
    """Return where this API is, as its clients reach it."""
    return state_of(request).public_url or str(request.base_url).rstrip("/")


async def _detail(request: AnyRequest, row: FileRow) -> FileDetail:
    files, upload = state_of(request).files, None
    if row.state == FileState.UPLOADING:
        upload = await describe_upload(files.require(), files.urls, row, base_of(request), clock.now())
    return FileDetail(**msgspec.structs.asdict(to_file(row)), upload=upload)


def _not_found(file: str) -> FileNotFound:
    return FileNotFound(f"there is no file {file[:80]!r}")
