"""Schedules: tasks that are submitted again and again. The broker holds their timers, see `headrace.lifecycle.schedules`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
import uuid_utils
from litestar import Response, delete, get, post, put

from headrace.api.at_least import reach
from headrace.api.auth.access import access
from headrace.api.auth.authentication import check_still_good
from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AT_LEAST_SECONDS, AnyRequest, AtLeast, is_id, location
from headrace.api.edge.traces import publishing
from headrace.api.firing_rate import check_firing_rate
from headrace.api.input_files import check_files
from headrace.api.rest import with_rest
from headrace.api.state import ApiState, state_of
from headrace.contracts.patterns import PRINTABLE_PATTERN, is_printable, meaning_of
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.contracts.schedules import (
    NewSchedule,
    Schedule,
    ScheduleDefinition,
    ScheduleFired,
    ScheduleList,
    ScheduleSaved,
)
from headrace.contracts.tasks import TaskSummary
from headrace.cron import first, following, is_active, is_time_zone, same_times, spell_out
from headrace.errors import AppendRefused, InvalidInput, ScheduleNotFound, TooLarge
from headrace.lifecycle import schedules
from headrace.lifecycle.queueing import submit_task
from headrace.log import clock, subjects
from headrace.log.agreed import state_agreed
from headrace.log.connection import Log
from headrace.store import schedules as stored_schedules
from headrace.store import users
from headrace.store.checkpoints import read_checkpoint
from headrace.tracing.names import Published

INPUT_BYTES_MAX = 256 << 10  # each firing writes it to the log twice, and a list of schedules has a thousand inputs

_encode = msgspec.json.Encoder().encode


@post(
    "/schedules",
    status_code=201,
    operation_id="create_schedule",
    opt=access("schedules:write"),
    summary="Make a schedule",
    responses=refusals(400, 413, 422),
)
async def create_schedule(request: AnyRequest, data: NewSchedule) -> Response[Schedule]:
    """A schedule has either `cron` (in `time_zone`) or `every`.

    By `cron` it fires once at every instant at which the clocks of the time zone show what the expression says: a time that
    they skip in spring does not fire, a time that they repeat in autumn fires twice. With `every` the first firing is at
    `start_at`, and the others so many seconds after it each; without `start_at` they count from now on.

    All active schedules of an account together fire at most as often in a minute as it may submit.
    """
    api, owner, now = state_of(request), caller(request), clock.now()
    _check(api, data, now)
    file_names = await check_files(api, owner, data.kind, data.input)
    made = Schedule(
        id=str(uuid_utils.uuid7()), owner=owner, definition=data, created_at=now, updated_at=now, position=""
    )
    async with api.schedule_lock.hold(owner) as session:
        if await stored_schedules.count_schedules(session, owner) >= stored_schedules.SCHEDULES_PER_OWNER_MAX:
            raise InvalidInput(
                f"you have {stored_schedules.SCHEDULES_PER_OWNER_MAX:,} schedules, which is the limit; delete one first"
            )
        await check_firing_rate(session, owner, data, api.limits.submissions.policy_of(owner).limit, now)
        # Whoever deletes an account ends the schedules that it has by then.
        check_still_good(request)
        title = api.catalog.make_title(data.kind, data.input, file_names)
        first_saved = ScheduleSaved(definition=data, next_at=_first_firing(data, now), title=title)
        saved = await _save(api, made, first_saved, now)
    return Response(saved, headers=location("schedules", saved.id))


@get(
    "/schedules",
    operation_id="list_schedules",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="List schedules, oldest first",
    responses=refusals(400),
)
async def list_schedules(request: AnyRequest, at_least: AtLeast = None) -> ScheduleList:
    """The list has every schedule of the caller. One that rests submits nothing at its firings, and says why."""
    api = state_of(request)
    await reach(api, at_least)
    async with api.read_model.session() as session:
        position = await read_checkpoint(session) or Position(api.log.epoch, 0)
        items = await stored_schedules.list_oldest(session, caller(request), clock.now())
        is_disabled = await users.is_disabled(session, caller(request))
    return ScheduleList(
        items=[with_rest(api.current, each, is_owner_disabled=is_disabled) for each in items], position=str(position)
    )


@get(
    "/schedules/{schedule:str}",
    operation_id="get_schedule",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="One schedule",
    responses=refusals(400, 404),
)
async def get_schedule(request: AnyRequest, schedule: str, at_least: AtLeast = None) -> Schedule:
    """The answer has the next firing, and the task that the schedule has submitted last."""
    api = state_of(request)
    await reach(api, at_least)
    return await _find(api, caller(request), schedule)


@put(
    "/schedules/{schedule:str}",
    operation_id="replace_schedule",
    opt=access("schedules:write"),
    summary="Change a schedule",
    responses=refusals(400, 404, 413, 422),
)
async def replace_schedule(request: AnyRequest, schedule: str, data: NewSchedule) -> Schedule:
    """The whole definition is replaced. As long as `cron`, `time_zone`, `every` and `start_at` stay as they are, so does the
    next firing, whatever else changes; a new `every` without `start_at` counts from now on. `paused` pauses the schedule or
    resumes it; a resumed `every` without `start_at` counts from then on.
    """
    api, now = state_of(request), clock.now()
    _check(api, data, now)
    owner = (await _find(api, caller(request), schedule)).owner
    file_names = await check_files(api, owner, data.kind, data.input)
    permitted = api.limits.submissions.policy_of(owner).limit
    async with api.schedule_lock.hold(owner) as session:
        # Somebody else may have changed it meanwhile.
        if (found := await stored_schedules.find_schedule(session, owner, schedule, now)) is None:
            raise _not_found(schedule)
        await check_firing_rate(session, owner, data, permitted, now, replaces=found)
        changed = msgspec.structs.replace(found, definition=data, updated_at=now)
        next_at = await _keep_next_firing(api.log, found, data, now)
        title = api.catalog.make_title(data.kind, data.input, file_names)
        saved = ScheduleSaved(definition=data, created_at=found.created_at, next_at=next_at, title=title)
        return await _save(api, changed, saved, now)


@delete(
    "/schedules/{schedule:str}",
    operation_id="delete_schedule",
    opt=access("schedules:write"),
    summary="Delete a schedule",
    responses=refusals(404),
)
async def delete_schedule(request: AnyRequest, schedule: str) -> None:
    """The tasks that the schedule has submitted stay, and still run."""
    api = state_of(request)
    found = await _find(api, caller(request), schedule)
    try:
        await schedules.delete_schedule(api.log, found.owner, found.id)
    except AppendRefused as error:
        raise _not_found(schedule) from error


@post(
    "/schedules/{schedule:str}/runs",
    status_code=202,
    operation_id="run_schedule",
    opt=access("schedules:write"),
    summary="Submit a schedule's task now",
    responses=refusals(404, 409, 413, 422),
)
async def run_schedule(request: AnyRequest, schedule: str) -> Response[TaskSummary]:
    """One more task is submitted, besides those of the firings; also when the schedule is paused."""
    api, now = state_of(request), clock.now()
    found = await _find(api, caller(request), schedule)
    definition = found.definition
    kind = api.catalog.validate(definition.kind, definition.input, _encode(definition.input))
    api.current.check_kind(definition.kind)
    file_names = await check_files(api, found.owner, definition.kind, definition.input)
    api.capacity.reserve(len(_encode(definition.input)))
    definition = msgspec.structs.replace(definition, max_attempts=definition.max_attempts or kind.max_attempts)
    task, size = str(uuid_utils.uuid7()), len(_encode(definition.input))
    with publishing(request.scope, Published(definition.kind, definition.priority, task, size)) as headers:
        headers[subjects.OF_SCHEDULE] = found.id
        title = api.catalog.make_title(definition.kind, definition.input, file_names)
        firing = ScheduleFired(definition=definition, title=title)
        waiting = schedules.scheduled_task(found.owner, firing, task, now, headers)
        appended = await submit_task(api.log, waiting)
    accepted = waiting.summarize(now, Position(api.log.epoch, appended.sequence))
    return Response(accepted, headers=location("tasks", task))


async def _save(api: ApiState, schedule: Schedule, saved: ScheduleSaved, now: datetime) -> Schedule:
    """Append a definition and return the schedule as it then is.

    Raises:
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has the definition is then not known.
        ScheduleNotFound: the schedule was deleted meanwhile.
    """
    # The definition is appended twice, as itself and as its timer.
    api.capacity.reserve(2 * len(_encode(saved)))
    unless_deleted = schedules.not_deleted(schedule.owner, schedule.id)
    try:
        appended = await schedules.save_schedule(api.log, schedule.owner, schedule.id, saved, unless_deleted)
    except AppendRefused as error:
        raise _not_found(schedule.id) from error
    next_at = None if saved.next_at is None else following(saved.definition, now, saved.next_at)
    position = str(Position(api.log.epoch, appended.sequence))
    return with_rest(api.current, msgspec.structs.replace(schedule, next_at=next_at, position=position))


async def _keep_next_firing(
    log: Log, before: Schedule, definition: ScheduleDefinition, now: datetime
) -> datetime | None:
    """Return the firing for which the timer of a schedule that is saved again is set; None when it has none.

    Raises:
        LogUnavailable: the log does not answer.
    """
    if before.next_at is None or not same_times(before.definition, definition):
        return _first_firing(definition, now)
    # The timer may be due and not have fired yet. Should it fire in this moment, it submits no second task.
    due_at = await schedules.read_due(log, before.owner, before.id, definition)
    return (due_at or following(definition, now, before.next_at)) if is_active(definition, now) else None


def _first_firing(definition: ScheduleDefinition, now: datetime) -> datetime | None:
    return first(definition, now) if is_active(definition, now) else None


async def _find(api: ApiState, owner: str, schedule: str) -> Schedule:
    """Find a schedule in the read model. If it is not there, wait once until the projector has read the whole log.

    Raises:
        ReadModelBehind: the projector did not reach the end of the log in time.
        ReadModelUnavailable: Postgres cannot be reached.
        ScheduleNotFound: there is no such schedule, or it belongs to another owner.
    """
    if not is_id(schedule):
        raise _not_found(schedule)
    for patience in (True, False):
        async with api.read_model.session() as session:
            found = await stored_schedules.find_schedule(session, owner, schedule, clock.now())
            is_disabled = await users.is_disabled(session, owner)
        if found is not None:
            return with_rest(api.current, found, is_owner_disabled=is_disabled)
        if patience:
            state = await state_agreed(api.log)
            await api.read_model.reach(Position(state.epoch, state.last_sequence), AT_LEAST_SECONDS)
    raise _not_found(schedule)


def _not_found(schedule: str) -> ScheduleNotFound:
    return ScheduleNotFound(f"there is no schedule {schedule[:80]!r}")


def _check(api: ApiState, definition: ScheduleDefinition, now: datetime) -> None:
    """Refuse a definition that cannot be kept.

    Raises:
        InvalidInput: fields are wrong; the error names each of them.
        TooLarge: the input is too large.
        UnknownKind: no worker ever announced the kind.
    """
    api.catalog.validate(definition.kind, definition.input, _encode(definition.input))
    if (size := len(_encode(definition.input))) > INPUT_BYTES_MAX:
        message = f"the input takes {size:,} bytes; a schedule takes at most {INPUT_BYTES_MAX:,}"
        raise TooLarge(message, [FieldError(path="/input", message=message)])
    if errors := list(_find_errors(definition, now)):
        raise InvalidInput("; ".join(f"{each.path}: {each.message}" for each in errors), errors)


def _find_errors(definition: ScheduleDefinition, now: datetime) -> Iterator[FieldError]:
    if definition.cron is None and definition.every is None:
        yield FieldError(path="/cron", message="say either cron or every")
    elif definition.cron is not None and definition.every is not None:
        yield FieldError(path="/every", message="say either cron or every, not both")
    if definition.cron is not None:
        try:
            spell_out(definition.cron)
        except ValueError as error:
            yield FieldError(path="/cron", message=str(error))
    if not is_time_zone(definition.time_zone):
        yield FieldError(path="/time_zone", message="this is no time zone; IANA names are like Europe/Berlin, or UTC")
    if definition.name is not None and not is_printable(definition.name):
        # Definitions in the log are read with the same type, and older ones have such names.
        yield FieldError(path="/name", message=f"this is not {meaning_of(PRINTABLE_PATTERN)}")
    if definition.end_at is not None:
        if definition.end_at <= now:
            yield FieldError(path="/end_at", message="this is over; choose a time in the future")
        if definition.start_at is not None and definition.start_at >= definition.end_at:
            yield FieldError(path="/start_at", message="it would end before it starts")
