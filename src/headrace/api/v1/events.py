"""The routes that follow tasks: server-sent events (WHATWG HTML, section 9.2) of one task, or of everything of the caller.

``Last-Event-ID`` (or ``after=``) continues after a position, see `headrace.api.streaming.opening`.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from litestar import Response, get
from litestar.params import HeaderParameter, QueryParameter

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller, principal_of
from headrace.api.edge.openapi import EVENT_STREAM, OfOwner, refusals
from headrace.api.edge.request import AnyRequest, task_id
from headrace.api.read_model import ReadModel
from headrace.api.state import ApiState, state_of
from headrace.api.streaming.event_filter import read_filter
from headrace.api.streaming.forms import FULL, FrameForm, form_of
from headrace.api.streaming.frames import beat_frame
from headrace.api.streaming.opening import count_resume, end_of, open_stream, read_cursor, read_state
from headrace.api.streaming.response import StreamResponse
from headrace.api.streaming.task_stream import EndedStream, TaskStream, has_end_at
from headrace.api.streaming.viewer import Viewer
from headrace.contracts.frames import Form
from headrace.contracts.positions import Position
from headrace.errors import TaskNotFound
from headrace.lifecycle.task_state import read_task_state
from headrace.log import subjects
from headrace.store import tasks as stored_tasks

# Parameters of several streams.
After = Annotated[str | None, QueryParameter(name="after", max_length=41, description="Continue after this position.")]
LastEventId = Annotated[
    str | None, HeaderParameter(name="Last-Event-ID", max_length=41, description="`after`, as browsers send it.")
]

Tasks = Annotated[list[str] | None, QueryParameter(name="task", description="Only these tasks; may be repeated.")]
Batches = Annotated[list[str] | None, QueryParameter(name="batch", description="Only tasks of these batches.")]
Kinds = Annotated[list[str] | None, QueryParameter(name="kind", description="Only these kinds.")]
Events = Annotated[
    list[str] | None,
    QueryParameter(
        name="event", description="Only these events, as `finished`, and in a brief stream only these hints."
    ),
]
WithLabels = Annotated[
    list[str] | None, QueryParameter(name="label", description="Only tasks with all of these labels, as `key=value`.")
]
InForm = Annotated[
    Form,
    QueryParameter(
        name="form",
        description="`brief` leaves out results, tracebacks, log lines and chunks, adds priority, title, schedule and labels, "
        "and sends hints besides.",
    ),
]


@get(
    "/events",
    operation_id="follow_all",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="Follow everything of the caller (server-sent events)",
    responses=EVENT_STREAM | refusals(400),
)
async def follow_all(
    request: AnyRequest,
    after: After = None,
    last_event_id: LastEventId = None,
    tasks: Tasks = None,
    batches: Batches = None,
    kinds: Kinds = None,
    events: Events = None,
    labels: WithLabels = None,
    form: InForm = Form.FULL,
) -> StreamResponse:
    """The stream begins now, or after a position, and has no end. `data` is JSON: `task`, `kind`, `batch`, `at`, `attempt` and
    the event's own fields. The event `reset` says that the log does not continue after the position: load your state again.
    `beat` comes when nothing else does, and `bye` says why a stream ends whose client may not see it any more.

    A brief stream is for lists. It also sends hints, which have no `id`: `counts`, `counted`, `settled`, `kind`, `schedule`.
    """
    asked = Asked(read_cursor(request, after, last_event_id), (tasks, batches, kinds, events), labels, form_of(form))
    return await stream_of(request, caller(request), asked)


class Asked(NamedTuple):
    """What a client asks a stream of many tasks for.

    Attributes:
        cursor: The last position that it has.
        values: The tasks, batches, kinds and events that it wants.
        labels: The labels that each task has to have.
        form: The form of the events.
    """

    cursor: Position | None
    values: tuple[list[str] | None, list[str] | None, list[str] | None, list[str] | None]
    labels: list[str] | None
    form: FrameForm


async def stream_of(request: AnyRequest, owner: str | None, asked: Asked, *, for_admin: bool = False) -> StreamResponse:
    """Return the stream of an owner's tasks; of everybody's when there is no owner. ``for_admin`` adds the hints for administrators.

    Raises:
        MalformedRequest: The filter cannot be read.
        LogUnavailable: JetStream does not answer.
    """
    api, form, metrics = state_of(request), asked.form, state_of(request).metrics.streams
    known_kinds = {entry.name for entry in api.catalog.entries()}
    wanted = read_filter(*asked.values, known_kinds, labels=asked.labels, form=form)
    state = await read_state(api.log, asked.cursor)
    opening = open_stream(api.log, metrics, state, asked.cursor, end_of(state))
    subject = wanted.subject("*" if owner is None else owner)
    follower = await api.hub.follow(subject, opening.position, None if wanted.is_empty else wanted, form)
    count_resume(metrics, asked.cursor, opening, follower)
    hints, opened = None, opening.chunk
    if form is not FULL:
        if wanted.has_hints:
            hints = api.hints.follow(owner, follower.wake, wanted.wants_hint, for_admin=for_admin)
        # A page cannot see an id alone.
        opened += beat_frame(opening.position)
    source = TaskStream(api.log, metrics, follower, opened, hints=hints)
    return StreamResponse(api.streams, source, Viewer.of(principal_of(request)))


@get(
    "/tasks/{task:str}/events",
    operation_id="follow_task",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="Follow one task to its end (server-sent events)",
    responses=EVENT_STREAM | refusals(400, 404),
)
async def follow_task(
    request: AnyRequest,
    task: str,
    after: After = None,
    last_event_id: LastEventId = None,
    form: InForm = Form.FULL,
) -> StreamResponse | Response[None]:
    """The stream begins with the task's first event, or after a position, and ends after `finished`. A client that has seen the
    end and connects again is answered with 204, which tells `EventSource` to stop.
    """
    cursor = read_cursor(request, after, last_event_id)
    viewer = Viewer.of(principal_of(request))
    return await task_stream(state_of(request), caller(request), task_id(task), cursor, viewer, form_of(form))


async def task_stream(
    api: ApiState, owner: str, task: str, cursor: Position | None, viewer: Viewer, form: FrameForm = FULL
) -> StreamResponse | Response[None]:
    """Return the stream of one task, or 204 when the client has seen its end.

    Raises:
        TaskNotFound: There is no such task, or it belongs to somebody else.
        LogUnavailable: JetStream does not answer.
    """
    state = await read_state(api.log, cursor)
    task_state = await read_task_state(api.log, owner, task)
    if task_state is not None and task_state.is_deleted:
        raise TaskNotFound(f"there is no task {task!r}; it was deleted")
    if task_state is None and await _is_final(api.read_model, owner, task):
        # The task is so old that only the read model knows it.
        return Response(None, status_code=204)
    beginning = end_of(state) if task_state is None else Position(state.epoch, task_state.oldest_record.sequence - 1)
    opening = open_stream(api.log, api.metrics.streams, state, cursor, beginning, oldest=beginning)
    if has_end_at(task_state, opening.position):
        if cursor is not None and not opening.is_reset:
            return Response(None, status_code=204)
        return StreamResponse(api.streams, EndedStream(opening.chunk), viewer)
    follower = await api.hub.follow(subjects.task_events(owner, task), opening.position, form=form)
    count_resume(api.metrics.streams, cursor, opening, follower)
    source = TaskStream(
        api.log, api.metrics.streams, follower, opening.chunk, lambda: read_task_state(api.log, owner, task)
    )
    return StreamResponse(api.streams, source, viewer)


async def _is_final(read_model: ReadModel, owner: str, task: str) -> bool:
    async with read_model.session() as session:
        found = await stored_tasks.find_task(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found.state.final
