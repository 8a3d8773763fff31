"""Following: server-sent events (WHATWG HTML, section 9.2) for a task, or for everything of the caller.

A stream opens with an ``id`` alone, so a client that is cut before its first event still resumes from the right place.
``Last-Event-ID`` (or ``after=``) continues after a position. When the log cannot continue there, the stream says `reset`
with the reason and a new position; the client loads its state again and goes on from there.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.params import Parameter
from litestar.response import Stream

from headrace.api.caller import caller
from headrace.api.hub import Discontinued, Follower
from headrace.api.openapi import EVENT_STREAM, problems
from headrace.api.resources import Resources, resources
from headrace.api.tasks import task_id
from headrace.contracts.events import EventName
from headrace.contracts.positions import Position
from headrace.errors import InvalidPosition, LogUnavailable, TaskNotFound
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.provision import StreamState
from headrace.log.standing import Standing, look
from headrace.store import tasks as read_model
from headrace.telemetry import get_logger

HEARTBEAT_SECONDS = 15.0  # proxies close what is silent for 30 to 60 s
RETRY_MILLISECONDS = (200, 5000)  # the clients of a server that goes away come back spread over this span
HEARTBEAT = b": still here\n\n"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would hold events back without the second

log = get_logger(__name__)

AnyRequest = Request[Any, Any, Any]
After = Annotated[str | None, Parameter(query="after", max_length=41, description="Continue after this position.")]
LastEventId = Annotated[
    str | None, Parameter(header="Last-Event-ID", max_length=41, description="`after`, as browsers send it.")
]


WhereItStands = Callable[[], Awaitable[Standing | None]]

_BEGINNINGS = (EventName.QUEUED, EventName.DEFERRED)


class Reset(msgspec.Struct, frozen=True):
    """Why the log cannot continue after a client's position, and from where the stream goes on."""

    reason: str
    position: str


@get(
    "/events",
    operation_id="follow_all",
    summary="Follow everything of the caller (server-sent events)",
    responses=EVENT_STREAM | problems(400),
)
async def follow_all(request: AnyRequest, after: After = None, last_event_id: LastEventId = None) -> Stream:
    """From now, or after a position. `data` is JSON: `task kind batch at attempt` and the event's own fields."""
    of = resources(request)
    cursor = cursor_of(after, last_event_id)
    state = await of.log.refresh()
    start, opening = _open(of.log, state, cursor or _end(state))
    follower = await of.hub.follow(subjects.task_events(owner=caller(request)), start)
    return event_stream(_frames(of, follower, opening))


@get(
    "/tasks/{task:str}/events",
    operation_id="follow_task",
    summary="Follow one task to its end (server-sent events)",
    responses=EVENT_STREAM | problems(400, 404),
)
async def follow_task(
    request: AnyRequest, task: str, after: After = None, last_event_id: LastEventId = None
) -> Stream | Response[None]:
    """From the task's first event, or after a position. Ends after `finished`; reconnecting then answers 204."""
    of = resources(request)
    owner = caller(request)
    task = task_id(task)
    cursor = cursor_of(after, last_event_id)
    subject = subjects.task_events(owner, task)
    state = await of.log.refresh()
    standing = await look(of.log, owner, task)
    if standing is None and await _is_final(of, owner, task):  # so old that only the read model knows it
        return Response(None, status_code=204)
    beginning = _end(state) if standing is None else Position(state.epoch, standing.first.sequence - 1)
    start, opening = _open(of.log, state, cursor or beginning, oldest=beginning)
    if _has_seen_the_end(standing, start):
        return Response(None, status_code=204) if start == cursor else event_stream(_only(opening))
    follower = await of.hub.follow(subject, start)
    return event_stream(_frames(of, follower, opening, lambda: look(of.log, owner, task)))


async def _frames(
    of: Resources, follower: Follower, opening: bytes, where_it_stands: WhereItStands | None = None
) -> AsyncGenerator[bytes]:
    """A stream's bytes; of a single task's, it is over when the task is.

    That is so after `finished`, unless the task was run again. What a lost worker still says after that ends nothing.
    """
    finished = over = False
    try:
        yield opening
        while not of.hub.draining:
            try:
                frames = await follower.next(HEARTBEAT_SECONDS)
            except Discontinued as error:
                end = _end(await of.log.refresh())
                follower.restart(end)
                yield _reset(error.reason, end)
                if where_it_stands is not None and _has_seen_the_end(await where_it_stands(), end):
                    return
                continue
            yield b"".join(frame.encoded for frame in frames) or HEARTBEAT
            for frame in frames:
                over = frame.event == EventName.FINISHED or (over and frame.event not in _BEGINNINGS)
                finished = finished or over
            if where_it_stands is None or not finished or not follower.caught_up:
                continue
            if over or (not frames and _has_seen_the_end(await where_it_stands(), follower.position)):
                return
    except LogUnavailable as error:
        log.warning("a stream ends, its client will resume", error=error.message)
    finally:
        follower.close()
    yield b"retry: %d\n\n" % random.randint(*RETRY_MILLISECONDS)  # noqa: S311 - spreads load, hides nothing


async def _only(opening: bytes) -> AsyncGenerator[bytes]:
    yield opening


def _open(log: Log, state: StreamState, cursor: Position, oldest: Position | None = None) -> tuple[Position, bytes]:
    """Where a stream starts, and its first bytes; the oldest position that can be asked for may be known better."""
    gone = None
    if cursor.epoch != state.epoch:
        gone = "the log was lost and made anew"
    elif cursor.sequence > state.last_sequence:
        gone = "the position is ahead of the log"
    elif log.filled is not None and log.filled.covers(cursor.sequence):
        gone = "the log has lost its latest events"
    elif cursor.sequence + 1 < state.first_sequence and (oldest is None or cursor < oldest):
        gone = "events after the position have left the log"
    if gone is None:
        return cursor, b"id: %s\n\n" % str(cursor).encode()
    return _end(state), _reset(gone, _end(state))


def _reset(reason: str, position: Position) -> bytes:
    data = msgspec.json.encode(Reset(reason=reason, position=str(position)))
    return b"id: %s\nevent: reset\ndata: %s\n\n" % (str(position).encode(), data)


def _end(state: StreamState) -> Position:
    return Position(state.epoch, state.last_sequence)


def cursor_of(after: str | None, last_event_id: str | None) -> Position | None:
    """The position to continue after. A browser that reconnects repeats its URL, so its header is the newer one."""
    given = last_event_id or after
    if not given:
        return None
    try:
        return Position.parse(given)
    except ValueError as error:
        raise InvalidPosition(f"{'Last-Event-ID' if last_event_id else 'after'}: {error}") from error


def _has_seen_the_end(standing: Standing | None, position: Position) -> bool:
    """Whether a task is over, and its end stands at or before a position of this log."""
    return (
        standing is not None
        and standing.is_over
        and standing.finish is not None
        and position.sequence >= standing.finish.sequence
    )


async def _is_final(of: Resources, owner: str, task: str) -> bool:
    async with of.reading() as session:
        found = await read_model.find(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found.state.final


def event_stream(frames: AsyncGenerator[bytes]) -> Stream:
    return Stream(frames, media_type="text/event-stream", headers=HEADERS)
