"""Submitting a task: decode, check, one append, 202."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import uuid_utils
from litestar import Request, Response, post

from headrace.api.caller import caller
from headrace.api.correlation import correlation_id, traceparent
from headrace.api.idempotency import body_hash, derived_id, read_key
from headrace.api.openapi import Keyed, problems
from headrace.api.resources import Resources, resources
from headrace.contracts.events import Deferred, EventName, Queued, encode
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import DELAY_SECONDS_MAX, State, Submission, TaskSummary
from headrace.errors import AppendRefused, InvalidInput, KeyReused, LogUnavailable
from headrace.log import subjects, timers
from headrace.log.append import Appended, Message
from headrace.log.standing import look
from headrace.log.subjects import TaskSubject

PAST_SECONDS_MAX = 60.0  # what clocks may differ by; a `run_at` further back is a mistake

AnyRequest = Request[Any, Any, Any]

_encode = msgspec.json.Encoder().encode


@post(
    "/tasks",
    status_code=202,
    operation_id="submit_task",
    summary="Submit a task",
    responses=problems(400, 413, 422),
    operation_class=Keyed,
)
async def submit(request: AnyRequest, data: Submission) -> Response[TaskSummary]:
    """Accepted means it is in the log and will reach exactly one final state.

    With an `Idempotency-Key`, the same submission sent again is answered with 200 and the task that the first one made.
    """
    of, owner, key = resources(request), caller(request), read_key(request)
    kind = of.catalog.check(data.kind, data.input)
    now = datetime.now(UTC)
    due_at = _due_at(data, now)
    task = str(uuid_utils.uuid7()) if key is None else derived_id(owner, key, "task")
    first = Deferred(
        attempt=1,
        fence=0,
        input=msgspec.Raw(_encode(data.input)),
        max_attempts=data.max_attempts or kind.max_attempts,
        due_at=due_at or now,
        expires_at=_expires_at(data, now, due_at),
    )
    subject = TaskSubject("", data.kind, data.priority, owner, task)
    headers = carried_headers(request)
    if key is not None:
        headers |= {subjects.BODY_HASH: body_hash(data), **only_if_new(owner, task)}
    of.make_room(len(first.input))
    try:
        appended = await _append(of, subject, first, headers, later=due_at is not None)
    except AppendRefused:
        return await _the_first(of, subject, headers)
    accepted = TaskSummary(
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
        position=str(Position(of.log.epoch, appended.sequence)),
    )
    return Response(accepted, headers=_location(task))


async def _append(
    of: Resources, subject: TaskSubject, first: Deferred, headers: dict[str, str], *, later: bool
) -> Appended:
    """Append a task's first event; before one that is due later, the timer that has it queued then."""
    append = of.log.appender.append
    queued = Queued(
        attempt=1,
        fence=0,
        input=first.input,
        max_attempts=first.max_attempts,
        expires_at=first.expires_at,
        due_at=first.due_at if later else None,
    )
    to, payload, once = subject.of(EventName.QUEUED), encode(queued), {subjects.MSG_ID: subject.task}
    if not later or timers.soon(first.due_at):
        return await append(to, payload, {**headers, **once})
    timer = Message(
        subjects.task_timer(subject.owner, subject.task), payload, timers.timer_headers(first.due_at, to, headers)
    )
    deferred = Message(subject.of(EventName.DEFERRED), encode(first), headers)
    if subjects.BODY_HASH in headers:  # of two with the same key, one has both the timer and the event
        return await of.log.appender.append_all((timer, deferred))
    await append(timer.subject, timer.payload, {**timer.headers, subjects.MSG_ID: f"{subject.task}-timer"})
    return await append(deferred.subject, deferred.payload, {**headers, **once})


async def _the_first(of: Resources, subject: TaskSubject, headers: dict[str, str]) -> Response[TaskSummary]:
    """The answer to a submission whose key was used before.

    Raises:
        KeyReused: for something else.
    """
    standing = await look(of.log, subject.owner, subject.task)
    if standing is None:
        raise LogUnavailable("the log refused the key, and has nothing of it any more; try again")
    if standing.newest.headers.get(subjects.BODY_HASH) != headers[subjects.BODY_HASH]:
        message = "this Idempotency-Key was used with another body; use a new key for a new submission"
        raise KeyReused(message, [FieldError(path="header Idempotency-Key", message=message)])
    return Response(standing.summarize(of.log.epoch), status_code=200, headers=_location(subject.task))


def only_if_new(owner: str, task: str) -> dict[str, str]:
    """The condition of an append that the log has nothing of a task yet."""
    return {
        subjects.EXPECTED_LAST_SUBJECT_SEQUENCE: "0",
        subjects.EXPECTED_LAST_SUBJECT: subjects.all_of(owner, task),
    }


def carried_headers(request: AnyRequest) -> dict[str, str]:
    """What the events of a task inherit from the request that made it."""
    headers = {subjects.CORRELATION_ID: correlation_id(request.scope)}
    if trace := traceparent(request.scope):
        headers[subjects.TRACEPARENT] = trace
    return headers


def _location(task: str) -> dict[str, str]:
    return {"Location": f"/api/v1/tasks/{task}"}


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
