"""Submitting a batch: read and validate every input, append the batch, and answer 202 when the log has all of it."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing, suppress
from functools import partial
from typing import Annotated, NamedTuple

import msgspec
import uuid_utils
from litestar import Response, post
from litestar.params import Parameter

from headrace.api.auth.access import access
from headrace.api.auth.authentication import check_still_good
from headrace.api.auth.principal import caller, principal_of
from headrace.api.edge.idempotency import derived_id, read_key, was_in_log
from headrace.api.edge.json_body import decode_body, require_body
from headrace.api.edge.label_query import LabelsInQuery, labels_in_query
from headrace.api.edge.openapi import BatchBody, refusals
from headrace.api.edge.repeated_names import check_label_names
from headrace.api.edge.request import AnyRequest, location
from headrace.api.edge.traces import publishing
from headrace.api.input_files import InputFiles
from headrace.api.large_values import input_limit, store_inputs
from headrace.api.state import ApiState, state_of
from headrace.api.v1.batch_body import read_lines, read_whole
from headrace.api.v1.batch_files import choose_field, errors_named, inputs_over
from headrace.api.v1.batch_upload import BatchUpload
from headrace.api.v1.follow_links import asked_link, make_link
from headrace.contracts.batches import (
    NAME_CHARS_MAX,
    Batch,
    BatchCreated,
    BatchSubmission,
    Counts,
    LineForm,
)
from headrace.contracts.follow_links import AcceptedBatch, FollowLinkRequest
from headrace.contracts.labels import normal_value
from headrace.contracts.patterns import PRINTABLE_PATTERN
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import ATTEMPTS_MAX, Priority
from headrace.errors import KeyReused, LogUnavailable, MalformedRequest, ReadModelBehind, ReadModelUnavailable
from headrace.lifecycle.batch_append import (
    CHUNK_BYTES,
    CHUNK_TASKS,
    Accepted,
    ForgottenBatch,
    Interrupted,
    OtherBatch,
    append_batch,
    is_in_log,
)
from headrace.lifecycle.batch_state import describe_new_batch, read_batch_state
from headrace.lifecycle.new_batch import NewBatch
from headrace.store import batches as stored_batches
from headrace.tracing.names import Published

BATCHES_PATH = "/api/v1/batches"
JSON_BYTES_MAX = 8 << 20  # such a body is in memory at once
RECOUNT_SECONDS = 1.0  # how long the answer to a batch that was sent again waits for its present counts

_decoder = msgspec.json.Decoder(BatchSubmission)


@post(
    "/batches",
    status_code=202,
    operation_id="submit_batch",
    opt=access("tasks:write"),
    summary="Submit a batch",
    responses=refusals(400, 409, 413, 415, 422, 501),
    operation_class=BatchBody,
    # The body is counted while it is read, see `batch_upload`.
    request_max_body_size=None,
)
async def submit_batch(
    request: AnyRequest,
    kind: Annotated[str | None, Parameter(max_length=63, description="With NDJSON, which has only inputs.")] = None,
    name: Annotated[
        str | None, Parameter(max_length=NAME_CHARS_MAX, pattern=PRINTABLE_PATTERN, description="With NDJSON.")
    ] = None,
    priority: Annotated[Priority, Parameter(description="With NDJSON.")] = Priority.LOW,
    max_attempts: Annotated[int | None, Parameter(ge=1, le=ATTEMPTS_MAX, description="With NDJSON.")] = None,
    label: LabelsInQuery = None,
    lines: Annotated[LineForm, Parameter(description="What each line of NDJSON is.")] = LineForm.INPUTS,
) -> Response[AcceptedBatch]:
    """A batch is accepted when all its inputs are valid and all its tasks are in the log.

    The body is JSON of up to 8 MB, or NDJSON (`application/x-ndjson`) with one input on each line, which is read as it
    arrives. JSON may have `files` in place of inputs: a task for each of them. `labels` are those of each task; an entry, which is an object with an `input` and `labels`, adds its own. With an `Idempotency-Key`, the same batch sent again is answered with 200 and the batch that the first request
    made; a batch that was cut off is completed. A batch that is cancelled meanwhile is also answered with 200, and has the
    tasks that were in the log by then.
    """
    key, link = read_key(request), asked_link(state_of(request), request)
    match request.content_type[0].lower():
        case "application/x-ndjson":
            if kind is None:
                message = "say of which kind the inputs are: ?kind="
                raise MalformedRequest(message, [FieldError(path="query kind", message=message)])
            api = state_of(request)
            terms = _Terms(kind, name, priority, max_attempts, labels_in_query(label), lines)
            line_bytes_max = max(api.log.appender.payload_bytes_max, input_limit(api.log, api.files.objects))
            async with aclosing(read_lines(request.stream(), api.uploads, line_bytes_max, lines)) as found:
                return await _submit(request, terms, found, key, link)
        case _:
            given = require_body(await read_whole(request.stream(), JSON_BYTES_MAX))
            body = decode_body(_decoder.decode, given)
            if body.labels:
                check_label_names(given)
            if body.files is not None:
                return await _submit_files(request, body, body.files, key, link)
            form, inputs = _inputs_of(body)
            return await _submit(request, _terms_of(body, form), _all_at_once(inputs), key, link)


class _Terms(NamedTuple):
    """The fields of a submission besides its inputs; they hold for each of the tasks."""

    kind: str
    name: str | None
    priority: Priority
    max_attempts: int | None
    labels: dict[str, str]
    form: LineForm


def _terms_of(body: BatchSubmission, form: LineForm) -> _Terms:
    return _Terms(body.kind, body.name, body.priority, body.max_attempts, body.labels, form)


async def _submit_files(
    request: AnyRequest, body: BatchSubmission, files: list[str], key: str | None, link: FollowLinkRequest | None
) -> Response[AcceptedBatch]:
    """Submit a batch with a task for each file. The errors name the files, and not the inputs that were made of them."""
    if body.inputs is not None or body.entries is not None:
        raise _not_one_of_them()
    field = choose_field(body, state_of(request).catalog.file_fields(body.kind))
    inputs = inputs_over(files, field, body.input)
    with errors_named(field):
        return await _submit(request, _terms_of(body, LineForm.INPUTS), _all_at_once(inputs), key, link)


def _inputs_of(body: BatchSubmission) -> tuple[LineForm, list[msgspec.Raw]]:
    """Return what a body has, and in which form.

    Raises:
        MalformedRequest: It has both inputs and entries, or neither, or says something of files that it does not have.
    """
    for name in ("input", "file_field"):
        if getattr(body, name):
            message = f"{name} is for a batch of files; the inputs of this one have all that is said of its tasks"
            raise MalformedRequest(message, [FieldError(path=f"/{name}", message=message)])
    if body.inputs is not None and body.entries is None:
        return LineForm.INPUTS, body.inputs
    if body.entries is not None and body.inputs is None:
        return LineForm.ENTRIES, body.entries
    raise _not_one_of_them()


def _not_one_of_them() -> MalformedRequest:
    message = "say either inputs, entries or files"
    return MalformedRequest(message, [FieldError(path="/inputs", message=message)])


async def _all_at_once(inputs: Iterable[msgspec.Raw]) -> AsyncIterator[Iterable[msgspec.Raw]]:
    yield inputs


async def _submit(
    request: AnyRequest,
    terms: _Terms,
    inputs: AsyncIterable[Iterable[bytes | msgspec.Raw]],
    key: str | None,
    link: FollowLinkRequest | None,
) -> Response[AcceptedBatch]:
    """Read and validate all inputs, append the batch, and answer."""
    api = state_of(request)
    api.current.check_kind(terms.kind)
    bytes_max = input_limit(api.log, api.files.objects)
    files = InputFiles(api, caller(request))
    with BatchUpload(api.catalog, api.uploads, terms.kind, bytes_max, terms.form, terms.labels, files) as upload:
        async for some in inputs:
            await upload.add(some)
        await upload.complete()
        batch = _new_batch(request, terms, upload, key)
        # Files may have been deleted since the batch was accepted.
        if (refusal := upload.unusable_files) is not None and not (batch.is_keyed and await is_in_log(api.log, batch)):
            raise refusal
        await api.limits.count_batch(request.scope, principal_of(request).id, upload.total)
        check_still_good(request)
        published = Published(terms.kind, terms.priority, batch.id, upload.size, upload.total)
        with publishing(request.scope, published) as headers:
            batch = batch._replace(headers=headers)
            accepted = await _append(api, batch, upload)
    if accepted.is_new:
        api.metrics.submitted.add((terms.kind, terms.priority), upload.total)
    found = _as_accepted(api, batch, accepted) if accepted.is_new else await _as_it_is(api, batch, accepted)
    made_link = None if link is None else make_link(api, request, "batch", batch.id, batch.owner, link)
    return Response(
        AcceptedBatch(**msgspec.structs.asdict(found), follow_link=made_link),
        status_code=202 if accepted.is_new else 200,
        headers=location("batches", batch.id),
    )


def _new_batch(request: AnyRequest, terms: _Terms, upload: BatchUpload, key: str | None) -> NewBatch:
    owner = caller(request)
    created = BatchCreated(
        kind=terms.kind,
        total=upload.total,
        priority=terms.priority,
        name=terms.name,
        labels={key: normal_value(value) for key, value in sorted(terms.labels.items())},
    )
    return NewBatch(
        id=str(uuid_utils.uuid7()) if key is None else derived_id(owner, key, "batch"),
        is_keyed=key is not None,
        owner=owner,
        created=created,
        max_attempts=terms.max_attempts or state_of(request).catalog.describe(terms.kind).max_attempts,
        body_hash=upload.body_hash((created, terms.max_attempts)),
        headers={},
        input_bytes=upload.size,
        header_bytes=upload.header_bytes,
    )


async def _append(api: ApiState, batch: NewBatch, upload: BatchUpload) -> Accepted:
    """Append a batch.

    Raises:
        KeyReused: the key was used with another batch.
        LogFull: the log has no room.
        LogUnavailable: the log does not answer. It may have some of the tasks.
        ObjectsUnavailable: the store does not take a large input. The log may have some of the tasks.
    """
    chunks = store_inputs(api, batch.owner, batch.id, upload.chunks(CHUNK_TASKS, CHUNK_BYTES))
    has_been = partial(was_in_log, api.log, api.read_model, batch.owner)
    match await append_batch(api.log, batch, chunks, api.capacity.reserve, has_been):
        case Accepted() as accepted:
            return accepted
        case OtherBatch():
            raise _key_reused("this Idempotency-Key was used with another batch; use a new key for a new batch")
        case ForgottenBatch():
            raise _key_reused(
                f"this Idempotency-Key was used long ago, for batch {batch.id}; use a new key for a new batch"
            )
        case Interrupted(reason, 0):
            raise LogUnavailable(f"{reason}; with an Idempotency-Key it is safe to send the batch again")
        case Interrupted(reason, tasks):
            raise LogUnavailable(
                f"{reason}. The log has {tasks:,} of the {batch.created.total:,} tasks of batch {batch.id}: send the batch "
                "again with the same Idempotency-Key to have it completed; without one, cancel it and send it anew"
            )


def _key_reused(message: str) -> KeyReused:
    return KeyReused(message, [FieldError(path="header Idempotency-Key", message=message)])


def _as_accepted(api: ApiState, batch: NewBatch, accepted: Accepted) -> Batch:
    """Return a new batch as clients see it: all its tasks are queued."""
    position = Position(api.log.epoch, accepted.last_sequence)
    found = describe_new_batch(batch.id, batch.owner, batch.created, accepted.at, position)
    return msgspec.structs.replace(found, counts=Counts(queued=found.total))


async def _as_it_is(api: ApiState, batch: NewBatch, accepted: Accepted) -> Batch:
    """Return a batch that was sent again, or cancelled meanwhile, with the counts that it has now.

    The batch is accepted in any case, so an unavailable read model is no reason to refuse it. A read model that is behind
    still gives its counts. Without a read model, the batch's own events in the log give its beginning and its end. The
    position of the answer tells which it was.
    """
    with suppress(ReadModelUnavailable):
        with suppress(ReadModelBehind):
            await api.read_model.reach(Position(api.log.epoch, accepted.last_sequence), RECOUNT_SECONDS)
        async with api.read_model.session() as session:
            if found := await stored_batches.find_batch(session, batch.owner, batch.id):
                return found
    logged = await read_batch_state(api.log, batch.owner, batch.id)
    return logged or describe_new_batch(batch.id, batch.owner, batch.created, accepted.at, Position(api.log.epoch, 0))
