"""Submitting a batch: read and validate every input, then append; 202 when all of it is in the log."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

import msgspec
import uuid_utils
from litestar import Response, post
from litestar.exceptions import HTTPException
from litestar.params import Parameter

from headrace.api.auth.principal import caller
from headrace.api.edge.correlation import carried_headers
from headrace.api.edge.idempotency import derived_id, read_key
from headrace.api.edge.openapi import BatchBody, refusals
from headrace.api.edge.problems import split_path
from headrace.api.edge.request import AnyRequest, location
from headrace.api.state import ApiState, state_of
from headrace.api.v1.batch_append import Accepted, NewBatch, append_batch
from headrace.api.v1.batch_upload import EVENT_BYTES, Intake, read_lines, read_whole
from headrace.api.v1.batches import as_logged, view
from headrace.api.v1.follow_links import asked_link, make_link
from headrace.contracts.batches import (
    NAME_CHARS_MAX,
    NAME_PATTERN,
    Batch,
    BatchCreated,
    BatchSubmission,
    Counts,
)
from headrace.contracts.follow_links import AcceptedBatch, FollowLinkRequest
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import ATTEMPTS_MAX, Priority
from headrace.errors import MalformedRequest, ReadModelBehind, ReadModelUnavailable
from headrace.store import batches as stored_batches

JSON_BYTES_MAX = 8 << 20  # bytes; such a body is in memory at once
AS_IT_IS_SECONDS = 1.0  # how long the answer to a batch that was sent again waits for the counts that it has now

_decoder = msgspec.json.Decoder(BatchSubmission)


@post(
    "/batches",
    status_code=202,
    operation_id="submit_batch",
    summary="Submit a batch",
    responses=refusals(400, 413, 415, 422),
    operation_class=BatchBody,
    request_max_body_size=None,  # `intake` sees to it
)
async def submit_batch(
    request: AnyRequest,
    kind: Annotated[str | None, Parameter(max_length=63, description="With NDJSON, which has only inputs.")] = None,
    name: Annotated[
        str | None, Parameter(max_length=NAME_CHARS_MAX, pattern=NAME_PATTERN, description="With NDJSON.")
    ] = None,
    priority: Annotated[Priority, Parameter(description="With NDJSON.")] = Priority.LOW,
    max_attempts: Annotated[int | None, Parameter(ge=1, le=ATTEMPTS_MAX, description="With NDJSON.")] = None,
) -> Response[AcceptedBatch]:
    """All inputs are valid, and all tasks are in the log; or none is.

    As JSON in one body of up to 8 MB, or as NDJSON (`application/x-ndjson`), one input a line, read as it comes. With an
    `Idempotency-Key`, the same batch sent again is answered with 200 and the batch that the first one made; one that was cut
    off is completed. One that is cancelled meanwhile is answered with 200, too, and has the tasks that it has by then.
    """
    api, key = state_of(request), read_key(request)
    asked = asked_link(api, request)
    match request.content_type[0]:
        case "application/json" | "":
            body = _read(await read_whole(request.stream(), JSON_BYTES_MAX))
            with _intake(api, body.kind) as intake:
                await intake.take(body.inputs)
                created = BatchCreated(kind=body.kind, total=intake.total, priority=body.priority, name=body.name)
                return await _accept(request, key, created, body.max_attempts, intake, asked)
        case "application/x-ndjson":
            if kind is None:
                message = "say of which kind the inputs are: ?kind="
                raise MalformedRequest(message, [FieldError(path="query kind", message=message)])
            with _intake(api, kind) as intake:
                async for lines in read_lines(request.stream(), api.log.appender.payload_bytes_max):
                    await intake.take(lines)
                created = BatchCreated(kind=kind, total=intake.total, priority=priority, name=name)
                return await _accept(request, key, created, max_attempts, intake, asked)
        case other:
            raise HTTPException(
                f"a batch is application/json or application/x-ndjson, not {other[:80]!r}", status_code=415
            )


async def _accept(
    request: AnyRequest,
    key: str | None,
    created: BatchCreated,
    max_attempts: int | None,
    intake: Intake,
    asked: FollowLinkRequest | None,
) -> Response[AcceptedBatch]:
    """Append a batch whose inputs have all been read, and answer."""
    api, owner = state_of(request), caller(request)
    await intake.complete()
    batch = NewBatch(
        id=str(uuid_utils.uuid7()) if key is None else derived_id(owner, key, "batch"),
        keyed=key is not None,
        owner=owner,
        created=created,
        max_attempts=max_attempts or api.catalog.describe(created.kind).max_attempts,
        body_hash=intake.body_hash((created, max_attempts)),
        headers=carried_headers(request.scope),
    )
    accepted = await append_batch(api, batch, intake)
    found = _as_accepted(api, batch, accepted) if accepted.is_new else await _as_it_is(api, batch, accepted)
    fields = {name: getattr(found, name) for name in found.__struct_fields__}
    link = None if asked is None else make_link(api, request, "batch", batch.id, owner, asked)
    return Response(
        AcceptedBatch(**fields, follow_link=link),
        status_code=202 if accepted.is_new else 200,
        headers=location("batches", batch.id),
    )


async def _as_it_is(api: ApiState, batch: NewBatch, accepted: Accepted) -> Batch:
    """A batch that is not as it was just made, as it stands.

    It is accepted whether or not the read model can tell how far it is, so that is no reason to refuse it: one that is behind
    tells what it knows, and without one the log tells how the batch began and ended. The position says of when that is.
    """
    with suppress(ReadModelUnavailable):
        with suppress(ReadModelBehind):
            await api.read_model.reach(Position(api.log.epoch, accepted.last_sequence), AS_IT_IS_SECONDS)
        async with api.read_model.session() as session:
            if found := await stored_batches.find_batch(session, batch.owner, batch.id):
                return found
    begun = await as_logged(api, batch.owner, batch.id)
    return begun or view(batch.id, batch.owner, batch.created, accepted.at, Position(api.log.epoch, 0))


def _as_accepted(api: ApiState, batch: NewBatch, accepted: Accepted) -> Batch:
    found = view(batch.id, batch.owner, batch.created, accepted.at, Position(api.log.epoch, accepted.last_sequence))
    return msgspec.structs.replace(found, counts=Counts(queued=found.total))


def _intake(api: ApiState, kind: str) -> Intake:
    return Intake(api.catalog, kind, api.log.appender.payload_bytes_max - EVENT_BYTES)


def _read(body: bytes) -> BatchSubmission:
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        message, path = split_path(str(error))
        told = f"the request cannot be used: {path}: {message}" if path else f"the request cannot be used: {message}"
        raise MalformedRequest(told, [FieldError(path=path, message=message)]) from error
