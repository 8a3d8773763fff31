"""Following: server-sent events (WHATWG HTML, section 9.2) for a task, or for everything of the caller.

A stream opens with an ``id`` alone, so a client that is cut before its first event still resumes from the right place.
``Last-Event-ID`` (or ``after=``) continues after a position. When the log cannot continue there, the stream says `reset`
with the reason and a new position; the client loads its state again and goes on from there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated

import msgspec
from litestar import Response, get
from litestar.params import Parameter

from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import EVENT_STREAM, refusals
from headrace.api.edge.request import AnyRequest, task_id
from headrace.api.state import ApiState, state_of
from headrace.api.streaming.event_filter import check_names, read_filter
from headrace.api.streaming.follower import Discontinued, Follower
from headrace.api.streaming.open_streams import Chunks, EventStream, OpenStream, retry
from headrace.contracts.events import EventName
from headrace.contracts.positions import Position
from headrace.errors import InvalidPosition, LogUnavailable, TaskNotFound
from headrace.lifecycle.task_state import TaskState, read_task_state
from headrace.log import subjects
from headrace.log.streams import StreamState
from headrace.store import tasks as stored_tasks
from headrace.telemetry import get_logger

HEARTBEAT = b": still here\n\n"

log = get_logger(__name__)

After = Annotated[str | None, Parameter(query="after", max_length=41, description="Continue after this position.")]
LastEventId = Annotated[
    str | None, Parameter(header="Last-Event-ID", max_length=41, description="`after`, as browsers send it.")
]


WhereItStands = Callable[[], Awaitable[TaskState | None]]

_BEGINNINGS = (EventName.QUEUED, EventName.DEFERRED)


class Reset(msgspec.Struct, frozen=True):
    """Why the log cannot continue after a client's position, and from where the stream goes on."""

    reason: str
    position: str


@get(
    "/events",
    operation_id="follow_all",
    summary="Follow everything of the caller (server-sent events)",
    responses=EVENT_STREAM | refusals(400),
)
async def follow_all(
    request: AnyRequest,
    after: After = None,
    last_event_id: LastEventId = None,
    task: Annotated[list[str] | None, Parameter(description="Only these tasks; may be repeated.")] = None,
    batch: Annotated[list[str] | None, Parameter(description="Only tasks of these batches.")] = None,
    kind: Annotated[list[str] | None, Parameter(description="Only these kinds.")] = None,
    event: Annotated[list[str] | None, Parameter(description="Only these events, as `finished`.")] = None,
) -> EventStream:
    """From now, or after a position. `data` is JSON: `task kind batch at attempt` and the event's own fields."""
    api = state_of(request)
    check_names(request.query_params)
    wanted = read_filter(task, batch, kind, event, {entry.name for entry in api.catalog.entries()})
    cursor = cursor_of(after, last_event_id)
    state = await api.log.refresh()
    start, opening = _open(api, state, cursor or _end(state), cursor)
    follower = await api.hub.follow(wanted.subject(caller(request)), start, None if wanted.any else wanted)
    _count_resume(api, follower, start, cursor)
    return EventStream(api.streams, _frames(api, follower, opening))


@get(
    "/tasks/{task:str}/events",
    operation_id="follow_task",
    summary="Follow one task to its end (server-sent events)",
    responses=EVENT_STREAM | refusals(400, 404),
)
async def follow_task(
    request: AnyRequest, task: str, after: After = None, last_event_id: LastEventId = None
) -> EventStream | Response[None]:
    """From the task's first event, or after a position. Ends after `finished`; reconnecting then answers 204."""
    return await task_stream(state_of(request), caller(request), task_id(task), cursor_of(after, last_event_id))


async def task_stream(
    api: ApiState, owner: str, task: str, cursor: Position | None, *, credentials_end: float | None = None
) -> EventStream | Response[None]:
    """The stream of one task; 204 for who has seen its end.

    Raises:
        TaskNotFound: there is none.
        LogUnavailable: the log does not answer.
    """
    subject = subjects.task_events(owner, task)
    state = await api.log.refresh()
    task_state = await read_task_state(api.log, owner, task)
    if task_state is None and await _is_final(api, owner, task):  # so old that only the read model knows it
        return Response(None, status_code=204)
    beginning = _end(state) if task_state is None else Position(state.epoch, task_state.oldest_record.sequence - 1)
    start, opening = _open(api, state, cursor or beginning, cursor, oldest=beginning)
    if _has_seen_the_end(task_state, start):
        if start == cursor:
            return Response(None, status_code=204)
        return EventStream(api.streams, lambda _: _only(opening), credentials_end=credentials_end)
    follower = await api.hub.follow(subject, start)
    _count_resume(api, follower, start, cursor)
    frames = _frames(api, follower, opening, lambda: read_task_state(api.log, owner, task))
    return EventStream(api.streams, frames, credentials_end=credentials_end)


def _frames(api: ApiState, follower: Follower, opening: bytes, where_it_stands: WhereItStands | None = None) -> Chunks:
    """What is sent: everything the follower is given; of a single task's stream, until the task is over.

    That is so after `finished`, unless the task was run again. What a lost worker still says after that ends nothing.
    """

    async def chunks(stream: OpenStream) -> AsyncGenerator[bytes]:
        stream.wake = follower.wake
        finished = over = False
        told = follower.position
        try:
            yield opening
            while not stream.over:
                if stream.slow and not follower.thin_out():
                    stream.end("slow")
                    break
                try:
                    frames = await follower.next()
                except Discontinued as error:
                    end = _end(await api.log.refresh())
                    follower.restart(end)
                    api.metrics.resumes["reset"] += 1
                    yield _reset(error.reason, end)
                    if where_it_stands is not None and _has_seen_the_end(await where_it_stands(), end):
                        return
                    continue
                if frames:
                    stream.carries(frames)
                    yield b"".join([frame.encoded for frame in frames])
                else:  # an idle stream, and one whose filter lets nothing through, gets on as well
                    yield HEARTBEAT if follower.position == told else b"id: %s\n\n" % str(follower.position).encode()
                told = follower.position
                for frame in frames:
                    over = frame.event == EventName.FINISHED or (over and frame.event not in _BEGINNINGS)
                    finished = finished or over
                if where_it_stands is None or not finished or not follower.caught_up:
                    continue
                if over or (not frames and _has_seen_the_end(await where_it_stands(), follower.position)):
                    return
            yield retry()
        except LogUnavailable as error:
            log.warning("a stream ends, its client will resume", error=error.message)
            stream.why = "log"
            yield retry()
        finally:
            follower.close()

    return chunks


async def _only(opening: bytes) -> AsyncGenerator[bytes]:
    yield opening


def _open(
    api: ApiState, state: StreamState, after: Position, cursor: Position | None, oldest: Position | None = None
) -> tuple[Position, bytes]:
    """Where a stream starts, and its first bytes; the oldest position that can be asked for may be known better."""
    gone = None
    if after.epoch != state.epoch:
        gone = "the log was lost and made anew"
    elif after.sequence > state.last_sequence:
        gone = "the position is ahead of the log"
    elif api.log.filled is not None and api.log.filled.covers(after.sequence):
        gone = "the log has lost its latest events"
    elif after.sequence + 1 < state.first_sequence and (oldest is None or after < oldest):
        gone = "events after the position have left the log"
    if gone is None:
        return after, b"id: %s\n\n" % str(after).encode()
    if cursor is not None:
        api.metrics.resumes["reset"] += 1
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


def _has_seen_the_end(task_state: TaskState | None, position: Position) -> bool:
    """Whether a task is over, and its end stands at or before a position of this log."""
    return (
        task_state is not None
        and task_state.is_over
        and task_state.finish_record is not None
        and position.sequence >= task_state.finish_record.sequence
    )


async def _is_final(api: ApiState, owner: str, task: str) -> bool:
    async with api.read_model.session() as session:
        found = await stored_tasks.find_task(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found.state.final


def _count_resume(api: ApiState, follower: Follower, start: Position, cursor: Position | None) -> None:
    if cursor is not None and start == cursor:
        api.metrics.resumes["hit" if follower.in_memory else "gap"] += 1
