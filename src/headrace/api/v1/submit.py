"""Submitting a task: decode, check, one append, 202."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import uuid_utils
from litestar import Response, post

from headrace.api.auth.principal import caller
from headrace.api.edge.correlation import carried_headers
from headrace.api.edge.idempotency import body_hash, derived_id, read_key, recall
from headrace.api.edge.openapi import Keyed, refusals
from headrace.api.edge.request import AnyRequest, location
from headrace.api.state import ApiState, state_of
from headrace.api.v1.batch_upload import EVENT_BYTES
from headrace.api.v1.follow_links import asked_link, make_link
from headrace.contracts.events import Deferred, EventName, Queued, encode
from headrace.contracts.follow_links import AcceptedTask, FollowLinkRequest
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import DELAY_SECONDS_MAX, State, Submission, TaskSummary
from headrace.errors import AppendRefused, InvalidInput, LogFull, TooLarge
from headrace.log import conditions, subjects, timers
from headrace.log.append import Appended, Message
from headrace.log.subjects import TaskSubject

PAST_SECONDS_MAX = 60.0  # what clocks may differ by; a `run_at` further back is a mistake

_encode = msgspec.json.Encoder().encode


@post(
    "/tasks",
    status_code=202,
    operation_id="submit_task",
    summary="Submit a task",
    responses=refusals(400, 413, 422),
    operation_class=Keyed,
)
async def submit(request: AnyRequest, data: Submission) -> Response[AcceptedTask]:
    """Accepted means it is in the log and will reach exactly one final state.

    With an `Idempotency-Key`, the same submission sent again is answered with 200 and the task that the first one made.
    """
    api, owner, key = state_of(request), caller(request), read_key(request)
    asked = asked_link(api, request)
    task = str(uuid_utils.uuid7()) if key is None else derived_id(owner, key, "task")
    try:
        accepted = await _accept(request, data, task, keyed=key is not None)
    except (AppendRefused, InvalidInput, LogFull, TooLarge) as error:
        # what now stands in the way of a new task does not in that of one that was accepted before
        refused = isinstance(error, AppendRefused)
        known = None if key is None else await recall(api.log, api.read_model, owner, task, data, refused=refused)
        if known is None:
            raise
        return Response(_with_link(request, known, asked), status_code=200, headers=location("tasks", task))
    return Response(_with_link(request, accepted, asked), headers=location("tasks", task))


def _with_link(request: AnyRequest, task: TaskSummary, asked: FollowLinkRequest | None) -> AcceptedTask:
    link = None if asked is None else make_link(state_of(request), request, "task", task.id, task.owner, asked)
    return AcceptedTask(**msgspec.structs.asdict(task), follow_link=link)


async def _accept(request: AnyRequest, data: Submission, task: str, *, keyed: bool) -> TaskSummary:
    """Append a new task.

    Raises:
        AppendRefused: its key has made one before.
        InvalidInput: something in the submission cannot be accepted.
        LogFull: there is no room for it.
        LogUnavailable: no acknowledgement. Whether the log has it is then not known.
        TooLarge: its input is.
        UnknownKind: no worker ever announced its kind.
    """
    api, owner, now = state_of(request), caller(request), datetime.now(UTC)
    kind = api.catalog.validate(data.kind, data.input)
    due_at = _due_at(data, now)
    first = Deferred(
        attempt=1,
        fence=0,
        input=_input(api, data),
        max_attempts=data.max_attempts or kind.max_attempts,
        due_at=due_at or now,
        expires_at=_expires_at(data, now, due_at),
    )
    headers = carried_headers(request.scope)
    if keyed:
        headers[subjects.BODY_HASH] = body_hash(data)
    api.capacity.reserve(len(first.input))
    subject = TaskSubject("", data.kind, data.priority, owner, task)
    appended = await _append(api, subject, first, headers, later=due_at is not None, keyed=keyed)
    return TaskSummary(
        id=task,
        kind=data.kind,
        priority=data.priority,
        owner=owner,
        state=State.QUEUED if due_at is None else State.PENDING,
        attempt=1,
        max_attempts=first.max_attempts,
        due_at=due_at,
        expires_at=first.expires_at,
        created_at=now,
        position=str(Position(api.log.epoch, appended.sequence)),
    )


async def _append(
    api: ApiState, subject: TaskSubject, first: Deferred, headers: dict[str, str], *, later: bool, keyed: bool
) -> Appended:
    """Append a task's first event; before one that is due later, the timer that has it queued then.

    With a key, neither an event of the task may be there nor its timer, which outlives the events.
    """
    append, owner, task = api.log.appender.append, subject.owner, subject.task
    queued = Queued(
        attempt=1,
        fence=0,
        input=first.input,
        max_attempts=first.max_attempts,
        expires_at=first.expires_at,
        due_at=first.due_at if later else None,
    )
    to, payload, once = subject.of(EventName.QUEUED), encode(queued), {subjects.MSG_ID: task}
    new = conditions.task_is_new(owner, task) if keyed else {}
    if later and not timers.soon(first.due_at):
        timed = timers.timer_headers(first.due_at, to, headers)
        if keyed:
            timed |= conditions.subject_is_empty()
        timer = Message(subjects.task_timer(owner, task), payload, timed)
        deferred = Message(subject.of(EventName.DEFERRED), encode(first), {**headers, **new})
        if keyed:  # of two with the same key, one has both
            return await api.log.appender.append_all((timer, deferred))
        await append(timer.subject, timer.payload, {**timer.headers, subjects.MSG_ID: f"{task}-timer"})
        return await append(deferred.subject, deferred.payload, {**deferred.headers, **once})
    if keyed and await api.long_timers.find(owner, task) is not None:
        raise AppendRefused("the task waits for its timer")
    appended = await append(to, payload, {**headers, **new, **once})
    if keyed and appended.duplicate:
        raise AppendRefused("the log has it under this Nats-Msg-Id")
    return appended


def _input(api: ApiState, data: Submission) -> msgspec.Raw:
    """The input as it goes to the log.

    Raises:
        TooLarge: not all that may become of the task would fit a message with it.
    """
    encoded, limit = _encode(data.input), api.log.appender.payload_bytes_max - EVENT_BYTES
    if len(encoded) > limit:
        message = f"an input has at most {limit:,} bytes, this one has {len(encoded):,}; send less"
        raise TooLarge(message, [FieldError(path="/input", message=message)])
    return msgspec.Raw(encoded)


def _due_at(data: Submission, now: datetime) -> datetime | None:
    """When it is due; None for now.

    Raises:
        InvalidInput: more than a minute ago, in more than a year, or said twice.
    """
    if data.run_at is None:
        return now + timedelta(seconds=data.delay) if data.delay else None
    if data.delay is not None:
        _refuse("/delay", "say either run_at or delay, not both")
    if data.run_at < now - timedelta(seconds=PAST_SECONDS_MAX):
        _refuse("/run_at", "run_at is more than a minute ago; leave it out to run the task now")
    if data.run_at > now + timedelta(seconds=DELAY_SECONDS_MAX):
        _refuse("/run_at", "run_at is more than a year ahead, which is the limit")
    return data.run_at.astimezone(UTC) if data.run_at > now else None


def _expires_at(data: Submission, now: datetime, due_at: datetime | None) -> datetime | None:
    if data.expires_in is None:
        return None
    expires_at = now + timedelta(seconds=data.expires_in)
    if due_at is not None and expires_at <= due_at:
        _refuse("/expires_in", "the task would expire before it is due; let it expire later, or be due sooner")
    return expires_at


def _refuse(path: str, message: str) -> None:
    raise InvalidInput(message, [FieldError(path=path, message=message)])
