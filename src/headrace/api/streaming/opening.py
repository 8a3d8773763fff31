"""The opening of a stream: the position from which it goes on, and its first bytes.

A stream opens with an ``id`` alone, so a client that is cut off before its first event still resumes from the right place. When
the log does not continue after the client's cursor, the stream opens with `reset` instead, which has the reason and a new
position: the client loads its state again and goes on from there.
"""

from __future__ import annotations

from typing import NamedTuple

from headrace.api.edge.query import LAST_EVENT_ID, last_event_id_in_query
from headrace.api.edge.request import AnyRequest
from headrace.api.streaming.follower import Follower
from headrace.api.streaming.frames import id_frame, reset_frame
from headrace.api.streaming.metrics import StreamMetrics
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidPosition
from headrace.log.agreed import state_with
from headrace.log.connection import Log
from headrace.log.streams import StreamState


class Opening(NamedTuple):
    """How a stream opens.

    Attributes:
        position: The stream has the events after this position.
        chunk: The first bytes to send.
        is_reset: Whether the stream does not go on at its client's cursor.
    """

    position: Position
    chunk: bytes
    is_reset: bool = False


def read_cursor(request: AnyRequest, after: str | None, last_event_id: str | None) -> Position | None:
    """Read the position to continue after.

    A browser that reconnects repeats its URL, so its header is newer than ``after``. So is what a polyfill has put into the URL.

    Raises:
        InvalidPosition: The cursor is not a position.
        MalformedRequest: The query names several different events as the last one.
    """
    newer = last_event_id or last_event_id_in_query(request)
    given = newer or after
    if given is None:
        return None
    try:
        return Position.parse(given)
    except ValueError as error:
        path = f"header {LAST_EVENT_ID}" if last_event_id else f"query {LAST_EVENT_ID if newer else 'after'}"
        errors = [FieldError(path=path, message=str(error))]
        raise InvalidPosition(f"{LAST_EVENT_ID if newer else 'after'}: {error}", errors) from error


async def read_state(log: Log, cursor: Position | None) -> StreamState:
    """Ask for the state of the log, of which a cursor is ahead only when a majority of its copies says so.

    Raises:
        LogUnavailable: JetStream does not answer, or there is no majority.
    """
    return await log.refresh() if cursor is None else await state_with(log, *cursor)


def open_stream(
    log: Log,
    metrics: StreamMetrics,
    state: StreamState,
    cursor: Position | None,
    default: Position,
    oldest: Position | None = None,
) -> Opening:
    """Return how a stream opens.

    Args:
        log: The log.
        metrics: The counters of this process.
        state: The state of the log now.
        cursor: The last position that the client has.
        default: The position to begin after when the client has none.
        oldest: The position before the first event of the stream, when it is known.
    """
    after = cursor or default
    reason = _why_discontinued(log, state, after, oldest)
    if reason is None:
        return Opening(after, id_frame(after))
    if cursor is not None:
        metrics.resumes["reset"] += 1
    return Opening(end_of(state), reset_frame(reason, end_of(state)), is_reset=True)


def _why_discontinued(log: Log, state: StreamState, after: Position, oldest: Position | None) -> str | None:
    if after.epoch != state.epoch:
        return "the log was lost and made anew"
    if after.sequence > state.last_sequence:
        return "the position is ahead of the log"
    if log.filled is not None and log.filled.covers(after.sequence):
        return "the log has lost its latest events"
    # The events of one task leave the log together, and not before the task is over: it has all behind the oldest that it has. What
    # came before that was another run, which may have left.
    if after.sequence + 1 < state.complete_from and (oldest is None or after < oldest):
        return "events after the position have left the log"
    return None


def end_of(state: StreamState) -> Position:
    """Return the position of the last event of the log."""
    return Position(state.epoch, state.last_sequence)


def count_resume(metrics: StreamMetrics, cursor: Position | None, opening: Opening, follower: Follower) -> None:
    """Count a stream that goes on at its client's cursor: from memory (hit) or from the log (gap)."""
    if cursor is not None and not opening.is_reset:
        metrics.resumes["hit" if follower.in_memory else "gap"] += 1
