"""Submitting a task: decode, validate, append, answer with 202."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import uuid_utils
from litestar import Response, post

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.batch_results import with_results
from headrace.api.edge.direct import DIRECT
from headrace.api.edge.idempotency import body_hash, derived_id, read_key, recall, recall_dropped
from headrace.api.edge.json_body import LAST_NAME_COUNTS
from headrace.api.edge.openapi import Keyed, refusals
from headrace.api.edge.repeated_names import check_label_names
from headrace.api.edge.request import AnyRequest, location
from headrace.api.edge.traces import publishing
from headrace.api.in_time import InTime
from headrace.api.input_files import check_files
from headrace.api.large_values import input_limit, store_input
from headrace.api.state import ApiState, state_of
from headrace.api.v1.batches import find_batch
from headrace.api.v1.follow_links import asked_link, make_link
from headrace.contracts.events import EventName
from headrace.contracts.follow_links import AcceptedTask, FollowLinkRequest
from headrace.contracts.kinds import KindDescription
from headrace.contracts.large_values import INLINE_BYTES_MAX
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import DELAY_SECONDS_MAX, NULL, Submission, TaskSummary
from headrace.errors import AppendRefused, InvalidInput, LogFull, TooLarge
from headrace.lifecycle.queueing import WaitingTask, submit_task, submit_task_once
from headrace.log import clock, subjects
from headrace.log.memberships import name_task
from headrace.log.subjects import TaskSubject
from headrace.settings_errors import KindDisabled
from headrace.tracing.names import Published

PAST_SECONDS_MAX = 60.0  # a difference between two clocks; a `run_at` further back is a mistake

_encode = msgspec.json.Encoder().encode


@post(
    "/tasks",
    status_code=202,
    operation_id="submit_task",
    opt=access("tasks:write") | LAST_NAME_COUNTS | DIRECT,
    summary="Submit a task",
    responses=refusals(400, 409, 413, 422, 501),
    operation_class=Keyed,
)
async def submit(request: AnyRequest, data: Submission) -> Response[AcceptedTask]:
    """The answer 202 means that the task is in the log and will reach exactly one final state.

    With an `Idempotency-Key`, the same submission sent again is answered with 200 and the task that the first one made.
    """
    if data.labels:
        check_label_names(await request.body())
    is_stored = data.results_of is not None or len(await request.body()) > INLINE_BYTES_MAX
    if is_stored or read_key(request) is None:
        # What goes to the store takes as long as it is large, and without a key there is nothing to ask before it is appended.
        return await _submit_or_recall(request, data, is_stored=is_stored)
    async with InTime(state_of(request).log):
        return await _submit_or_recall(request, data, is_stored=False)


async def _submit_or_recall(request: AnyRequest, data: Submission, *, is_stored: bool) -> Response[AcceptedTask]:
    """Accept a submission, or answer it with the task that its key has made before.

    ``is_stored`` is whether something of it goes to the store. Raises as `_accept`, `recall` and `with_results`.
    """
    api, owner, key = state_of(request), caller(request), read_key(request)
    asked = asked_link(api, request)
    task = str(uuid_utils.uuid7()) if key is None else derived_id(owner, key, "task")
    if key is not None and (known := await recall_dropped(api.log, api.read_model, owner, task, data)) is not None:
        return Response(_with_link(request, known, asked), status_code=200, headers=location("tasks", task))
    if key is not None and is_stored:
        # What goes to the store is not written again, and not for a submission that the key refuses.
        known = await recall(api.log, api.read_model, owner, task, data, refused=False)
        if known is not None:
            return Response(_with_link(request, known, asked), status_code=200, headers=location("tasks", task))
    hashed = None if key is None else body_hash(data)
    try:
        accepted = await _submit(request, data, task, hashed)
    except (AppendRefused, InvalidInput, KindDisabled, LogFull, TooLarge) as error:
        # A submission that was accepted before is answered as such, even if a new one would be refused for another reason.
        refused = isinstance(error, AppendRefused)
        known = None if key is None else await recall(api.log, api.read_model, owner, task, data, refused=refused)
        if known is None:
            raise
        return Response(_with_link(request, known, asked), status_code=200, headers=location("tasks", task))
    return Response(_with_link(request, accepted, asked), headers=location("tasks", task))


async def _submit(request: AnyRequest, data: Submission, task: str, hashed: str | None) -> TaskSummary:
    """Write the results that a task is about, when it is about some, and accept it. Raises as `_accept` and `with_results`."""
    if data.results_of is None:
        return await _accept(request, data, task, hashed)
    api = state_of(request)
    batch = await find_batch(api, caller(request), data.results_of)
    async with with_results(api, batch, data) as whole:
        return await _accept(request, whole, task, hashed)


async def _accept(request: AnyRequest, data: Submission, task: str, hashed: str | None) -> TaskSummary:
    """Validate a submission and append its task; ``hashed`` is its body, of a submission with a key.

    Raises:
        AppendRefused: the key has made a task before.
        InvalidInput: the submission cannot be accepted; the error names what is wrong.
        KindDisabled: the kind takes no submissions.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has the task is then not known.
        ObjectsUnavailable: the input is too large for the log, and the store does not take it.
        ReadModelUnavailable: the kind takes files, and Postgres cannot say whether they are there.
        TooLarge: the input is too large.
        UnknownKind: no worker ever announced the kind.
    """
    api, owner, now = state_of(request), caller(request), clock.now()
    encoded, kind = _check(api, data)
    due_at = _due_at(data, now)
    expires_at = _expires_at(data, now, due_at)
    file_names = await check_files(api, owner, data.kind, data.input)
    stored = await store_input(api, owner, task, bytes(encoded))
    input = encoded if stored is None else NULL
    api.capacity.reserve(len(input))
    with publishing(request.scope, Published(data.kind, data.priority, task, len(encoded))) as headers:
        headers |= name_task(api.catalog.make_title(data.kind, data.input, file_names), data.labels, task)
        if hashed is not None:
            headers[subjects.BODY_HASH] = hashed
        waiting = WaitingTask(
            subject=TaskSubject(EventName.QUEUED, data.kind, data.priority, owner, task),
            input=input,
            headers=headers,
            max_attempts=data.max_attempts or kind.max_attempts,
            due_at=due_at,
            expires_at=expires_at,
            stored_input=stored,
        )
        submitting = submit_task_once(api.log, api.long_timers, waiting) if hashed else submit_task(api.log, waiting)
        appended = await submitting
    api.metrics.submitted.add((data.kind, data.priority))
    return waiting.summarize(now, Position(api.log.epoch, appended.sequence))


def _check(api: ApiState, data: Submission) -> tuple[msgspec.Raw, KindDescription]:
    """Return the input as JSON, and its kind, once the kind takes it. Raises as `_accept`."""
    encoded = msgspec.Raw(_encode(data.input))
    kind = api.catalog.validate(data.kind, data.input, encoded)
    api.current.check_kind(data.kind)
    _check_size(encoded, input_limit(api.log, api.files.objects), has_store=api.files.are_kept)
    return encoded, kind


def _due_at(data: Submission, now: datetime) -> datetime | None:
    """Return when a task is due; None when it is due now.

    Raises:
        InvalidInput: the time is more than a minute ago or more than a year ahead, or both `run_at` and `delay` are given.
    """
    if data.run_at is None:
        return now + timedelta(seconds=data.delay) if data.delay else None
    if data.delay is not None:
        raise _invalid("/delay", "say either run_at or delay, not both")
    if data.run_at < now - timedelta(seconds=PAST_SECONDS_MAX):
        raise _invalid("/run_at", "run_at is more than a minute ago; leave it out to run the task now")
    if data.run_at > now + timedelta(seconds=DELAY_SECONDS_MAX):
        raise _invalid("/run_at", "run_at is more than a year ahead, which is the limit")
    return data.run_at.astimezone(UTC) if data.run_at > now else None


def _check_size(encoded: msgspec.Raw, bytes_max: int, *, has_store: bool) -> None:
    if len(encoded) > bytes_max:
        message = f"an input has at most {bytes_max:,} bytes, this one has {len(encoded):,}; send less"
        if not has_store:
            message += ", or set up object storage (HEADRACE_OBJECTS_URL), which has room for more"
        raise TooLarge(message, [FieldError(path="/input", message=message)])


def _expires_at(data: Submission, now: datetime, due_at: datetime | None) -> datetime | None:
    if data.expires_in is None:
        return None
    expires_at = now + timedelta(seconds=data.expires_in)
    if due_at is not None and expires_at <= due_at:
        message = "the task would expire before it is due; let it expire later, or be due sooner"
        raise _invalid("/expires_in", message)
    return expires_at


def _invalid(path: str, message: str) -> InvalidInput:
    return InvalidInput(message, [FieldError(path=path, message=message)])


def _with_link(request: AnyRequest, task: TaskSummary, asked: FollowLinkRequest | None) -> AcceptedTask:
    link = None if asked is None else make_link(state_of(request), request, "task", task.id, task.owner, asked)
    return AcceptedTask(**msgspec.structs.asdict(task), follow_link=link)
