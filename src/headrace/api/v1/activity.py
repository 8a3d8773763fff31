"""The route that reads activity: charts and percentiles, from counts that the projector keeps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from litestar import get
from litestar.params import Parameter, QueryParameter

from headrace.api.at_least import reach
from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import INSTANT_CHARS_MAX, AnyRequest, AtLeast, OfKind, read_instant
from headrace.api.state import state_of
from headrace.contracts.activity import Activity
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput
from headrace.log import clock
from headrace.store.activity import Span, read_activity
from headrace.store.activity_statements import HOUR, MINUTES_KEPT
from headrace.store.checkpoints import read_checkpoint

POINTS_MAX = 1500  # a day of minutes has 1,440; no screen is wider
STEP_SECONDS_MIN = 60  # what is counted is counted by the minute
STEP_SECONDS_MAX = 31 * 86_400  # a month
DEFAULT_SPAN = HOUR
MINUTE = timedelta(minutes=1)


@get(
    "/activity",
    operation_id="get_activity",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="How much happened, and how long tasks waited and ran",
    responses=refusals(400, 422),
)
async def get_activity(
    request: AnyRequest,
    kind: OfKind = None,
    since: Annotated[
        str | None,
        QueryParameter(name="from", max_length=INSTANT_CHARS_MAX, description="An hour before `to` by default."),
    ] = None,
    to: Annotated[str | None, Parameter(max_length=INSTANT_CHARS_MAX, description="Now by default.")] = None,
    step: Annotated[
        int, Parameter(ge=STEP_SECONDS_MIN, le=STEP_SECONDS_MAX, description="Seconds: minutes, or hours.")
    ] = STEP_SECONDS_MIN,
    at_least: AtLeast = None,
) -> Activity:
    """For each step between `from` and `to`, the oldest first: counts of what was `accepted`, `started`, `retried`,
    `succeeded`, `failed` and `cancelled`, and `p50`, `p95` and `p99` of `wait` and `run` in seconds, null when nothing started or
    ended. `total` has the same for the whole span. Steps are aligned to whole minutes, hours or days of UTC, so that the span
    may begin somewhat earlier and end somewhat later than asked. Steps of less than an hour are kept for two days.
    """
    api = state_of(request)
    span = _read_span(read_instant("from", since), read_instant("to", to), timedelta(seconds=step))
    await reach(api, at_least)
    async with api.read_model.session() as session:
        position = await read_checkpoint(session) or Position(api.log.epoch, 0)
        return await read_activity(session, caller(request), kind, span, position)


def _read_span(since: datetime | None, to: datetime | None, step: timedelta) -> Span:
    """Return the span that is asked for.

    Raises:
        InvalidInput: There is no such span, it has too many steps, or steps that are not kept.
    """
    if step % _unit_of(step):
        raise _refusal("step", "say whole minutes up to an hour, and whole hours above; in seconds")
    now = clock.now()
    try:
        until = to or now
        begin = since or until - DEFAULT_SPAN
        span = Span.around(begin, until, step)
    except OverflowError as error:
        raise _refusal("from", "no calendar has all of this span; say a later from or an earlier to") from error
    if begin >= until:
        raise _refusal("from", "it is not before to")
    if step < HOUR and span.begin < now - MINUTES_KEPT:
        raise _refusal("step", "steps of less than an hour are kept for two days; say 3600, or a later from")
    if span.steps > POINTS_MAX:
        raise _refusal("step", f"this makes {span.steps:,} points, {POINTS_MAX:,} at most; {_way_out(until - begin)}")
    return span


def _unit_of(step: timedelta) -> timedelta:
    """Return what a step is a multiple of: after some days, a part of an hour is not known any more."""
    return HOUR if step > HOUR else MINUTE


def _way_out(span: timedelta) -> str:
    """Say which step a span can be had in."""
    # The span may begin and end within a step.
    least = span / (POINTS_MAX - 2)
    unit = _unit_of(least)
    seconds = -(-least // unit) * round(unit.total_seconds())
    return f"say {seconds} or more" if seconds <= STEP_SECONDS_MAX else "say a later from"


def _refusal(name: str, message: str) -> InvalidInput:
    return InvalidInput(f"{name}: {message}", [FieldError(path=f"query {name}", message=message)])
