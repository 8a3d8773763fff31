"""The bytes of files: sent to the store through this process, and fetched from it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import time
from typing import Annotated

import msgspec
from litestar import Response, get, post, put
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import Parameter

from headrace.api.auth.access import BY_TOKEN, access
from headrace.api.auth.authentication import check_still_good
from headrace.api.auth.principal import caller
from headrace.api.edge.headers import read_headers
from headrace.api.edge.openapi import OfOwner, refusal, refusals
from headrace.api.edge.request import AnyRequest, location
from headrace.api.files.download import file_response
from headrace.api.files.parts import put_part, remove_late, use_of_part
from headrace.api.files.stream import CACHE_CONTROL
from headrace.api.files.uploads import upload_at_once
from headrace.api.state import state_of
from headrace.api.v1.files import OFF, TOO_MUCH, find, known_id
from headrace.contracts.files import ANY_BYTES, File, FileState, NewFile, content_key
from headrace.contracts.problems import FieldError
from headrace.errors import MalformedRequest
from headrace.file_errors import FileNotFound, FileNotReady
from headrace.file_names import read_name
from headrace.identity.file_urls import SIGNATURE_CHARS
from headrace.store.file_table import FileRow
from headrace.store.files import find_any_file, to_file

REDIRECT_SECONDS = 300  # of a URL of the store that a browser is sent to; it follows at once
CDN_WINDOW_SECONDS = 3600  # within which all are sent to the same URL of a CDN, so that it has the file once
CDN_SECONDS_MIN = 300  # that such a URL is good for, also at the end of a window
EXPIRES_MAX = 2**40  # seconds since 1970: the year 36812

# The paths of the two routes that take the bytes of a file, also with a number of a part that is none.
takes_file = re.compile(r"/api/v1/files/(content|[^/]+/parts/[^/]+)/?").fullmatch

_BYTES = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
CONTENT = {
    200: ResponseSpec(
        bytes,
        generate_examples=False,
        description="The bytes, or with 206 the range that was asked for.",
        media_type=ANY_BYTES,
    )
}

Expires = Annotated[int, Parameter(ge=0, le=EXPIRES_MAX, description="As the URL has it.")]
Signature = Annotated[str, Parameter(max_length=SIGNATURE_CHARS, description="As the URL has it.")]


@dataclass
class RawBody(Operation):
    """The operation of a route whose body is the bytes of a file."""

    def __post_init__(self) -> None:
        """Describe the body."""
        self.request_body = RequestBody(content={ANY_BYTES: OpenAPIMediaType(schema=_BYTES)}, required=True)


@post(
    "/files/content",
    status_code=201,
    operation_id="upload_file",
    opt=access("tasks:write"),
    operation_class=RawBody,
    summary="Upload a file in one request",
    responses=OFF
    | refusals(400, 404, 408)
    | TOO_MUCH
    | refusal(422, "The name may not be used, or the checksum or the type is not what was declared."),
    request_max_body_size=None,
)
async def upload_file(
    request: AnyRequest,
    name: Annotated[str, Parameter(max_length=1024, description="The name of the file.")],
    sha256: Annotated[
        str | None,
        Parameter(max_length=64, description="SHA-256 of the bytes, in hexadecimal: compared with what arrives."),
    ] = None,
) -> Response[File]:
    """The body is the bytes, and its `Content-Type` the type of the file. It goes to the store while it arrives, and nothing is kept of
    one that is cut. A file that is to be resumed when the connection breaks is uploaded in parts, see POST `/files`.
    """
    api, headers = state_of(request), read_headers(request.scope)
    length = headers.get(b"content-length")
    media_type = headers.get(b"content-type", b"").decode("latin-1") or ANY_BYTES
    new = _new_file(read_name(name, "query name"), int(length or 0), media_type, sha256)
    row = await upload_at_once(api.files, caller(request), new, _still_good(request), is_size_known=length is not None)
    return Response(to_file(row), headers=location("files", row.id))


@put(
    "/files/{file:str}/parts/{number:int}",
    status_code=204,
    operation_id="put_file_part",
    opt=access(BY_TOKEN),
    operation_class=RawBody,
    summary="Send a part of an upload",
    responses=OFF
    | refusals(403, 404, 408)
    | refusal(409, "The upload takes no more parts.")
    | refusal(422, "The part has another size than was declared."),
    request_max_body_size=None,
)
async def put_file_part(
    request: AnyRequest, file: str, number: int, expires: Expires = 0, signature: Signature = ""
) -> None:
    """The URL is one that POST `/files` has answered with. It needs no other credential. A part that is sent again replaces the first one."""
    files = state_of(request).files
    objects = files.require()
    # Whoever has no signature does not learn whether there is such an upload.
    files.urls.check(use_of_part(known_id(file), number), expires, signature, time())
    row = await _find_upload(request, file)
    async with files.writes.take():
        await put_part(objects, row, number, request.stream())
        if row is not None:
            await remove_late(objects, row, number, await _find_upload(request, file))


async def _find_upload(request: AnyRequest, file: str) -> FileRow | None:
    async with state_of(request).identity.transaction() as session:
        return await find_any_file(session, file)


@get(
    "/files/{file:str}/content",
    operation_id="get_file_content",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="The bytes of a file",
    responses=CONTENT
    | {307: ResponseSpec(None, generate_examples=False, description="Where the bytes are, for some minutes.")}
    | OFF
    | refusals(404)
    | refusal(409, "The file is not complete, or was refused.")
    | refusal(416, "The file has no such range."),
)
async def get_file_content(request: AnyRequest, file: str) -> Response[bytes]:
    """Follow the redirect: where files are in a cloud store, or behind a CDN, the bytes come from there."""
    api = state_of(request)
    row = _ready(await find(api, caller(request), file), file)
    if (base := api.files.download_url) is not None:
        return _redirect(_cdn_url(request, base, row))
    objects = api.files.require()
    if (url := await objects.sign("GET", content_key(row.owner, row.id), REDIRECT_SECONDS)) is not None:
        return _redirect(url)
    return await file_response(objects, row, request.scope, CACHE_CONTROL)


@get(
    "/downloads/{file:str}",
    operation_id="download_file",
    opt=access(BY_TOKEN),
    summary="The bytes of a file, for a CDN",
    responses=CONTENT | OFF | refusals(400, 403, 404) | refusal(416, "The file has no such range."),
)
async def download_file(
    request: AnyRequest, file: str, expires: Expires = 0, signature: Signature = ""
) -> Response[bytes]:
    """The URL is one that `/files/{file}/content` has redirected to. It needs no other credential, and shared caches may keep the answer
    until it expires.
    """
    api, now = state_of(request), time()
    objects = api.files.require()
    api.files.urls.check(_use_of_download(file), expires, signature, now)
    async with api.read_model.session() as session:
        row = _ready(await find_any_file(session, known_id(file)), file)
    cache_control = f"public, max-age={max(0, int(expires - now))}, immutable"
    return await file_response(objects, row, request.scope, cache_control)


async def _still_good(request: AnyRequest) -> AsyncIterator[bytes]:
    """Give the body of a request, whose credential may end while it arrives.

    Raises:
        NotAuthenticated: It has.
    """
    async for chunk in request.stream():
        yield chunk
    check_still_good(request)


def _new_file(name: str, size: int, media_type: str, sha256: str | None) -> NewFile:
    """Check what the headers and the query of an upload declare.

    Raises:
        MalformedRequest: The type or the checksum is none.
    """
    try:
        return msgspec.convert({"name": name, "size": size, "media_type": media_type, "sha256": sha256}, NewFile)
    except msgspec.ValidationError as error:
        where, what = (
            ("header Content-Type", "is no media type; send one, such as text/csv")
            if "media_type" in str(error)
            else ("query sha256", "is no SHA-256; send 64 hexadecimal digits, in lower case")
        )
        message = f"{where.partition(' ')[2]} {what}"
        raise MalformedRequest(message, [FieldError(path=where, message=message)]) from error


def _ready(row: FileRow | None, file: str) -> FileRow:
    """Return a file that can be read.

    Raises:
        FileNotFound: There is none.
        FileNotReady: It is not complete, or was refused.
    """
    if row is None:
        raise FileNotFound(f"there is no file {file[:80]!r}")
    if row.state == FileState.REFUSED:
        raise FileNotReady("this file was refused, so it has no content; upload it again")
    if row.state != FileState.READY:
        raise FileNotReady(f"this file is {row.state}, so it has no content yet; complete the upload first")
    return row


def _cdn_url(request: AnyRequest, base: str, row: FileRow) -> str:
    expires = (int(time() + CDN_SECONDS_MIN) // CDN_WINDOW_SECONDS + 1) * CDN_WINDOW_SECONDS
    signature = state_of(request).files.urls.sign(_use_of_download(row.id), expires)
    return f"{base}/api/v1/downloads/{row.id}?expires={expires}&signature={signature}"


def _use_of_download(file: str) -> str:
    return f"get {file}"


def _redirect(url: str) -> Response[bytes]:
    return Response(b"", status_code=307, headers={"Location": url})
