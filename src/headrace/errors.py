"""The errors Headrace raises on purpose.

    HeadraceError                    500 internal
    ├── LogUnavailable               503 log_unavailable      Retry-After
    ├── LogFull                      503 log_full             Retry-After
    ├── AppendRefused                409 append_refused       never shown as such: whoever appends, decides
    ├── ScheduleRefused              422 invalid_schedule
    ├── ReadModelUnavailable         503 read_model_unavailable  Retry-After
    ├── ReadModelBehind              503 read_model_behind    Retry-After
    ├── TooLarge                     413 too_large
    ├── MalformedRequest             400 malformed_request
    ├── InvalidPosition              400 invalid_position
    ├── InvalidCursor                400 invalid_cursor
    ├── InvalidInput                 422 invalid_input
    ├── UnknownKind                  422 unknown_kind
    ├── KindNotFound                 404 kind_not_found
    ├── KindWithoutWorkers           409 kind_has_no_workers
    ├── TaskNotFound                 404 task_not_found
    ├── TaskFinished                 409 task_finished
    ├── TaskNotFinished              409 task_not_finished
    ├── BatchNotFound                404 batch_not_found
    ├── BatchSettledError            409 batch_settled
    ├── ScheduleNotFound             404 schedule_not_found
    ├── InvalidFollowToken           401 invalid_follow_token
    ├── FollowTokenExpired           403 follow_token_expired
    ├── FollowLinksOff               501 follow_links_off
    ├── KeyReused                    422 idempotency_key_reused
    └── InvalidKey                   400 invalid_idempotency_key

Each carries its HTTP status, a stable code, and a sentence that says what to do; `headrace.api.edge.problems` turns them into
one shape on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import State


class HeadraceError(Exception):
    """Any of the below. ``retry_after`` is in seconds, ``errors`` names what is wrong field by field."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    retry_after: ClassVar[int | None] = None

    def __init__(self, message: str, errors: Iterable[FieldError] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.errors = list(errors)


class LogUnavailable(HeadraceError):
    """The log did not acknowledge: NATS is down, starting, without a leader, or overloaded."""

    status = 503
    code = "log_unavailable"
    retry_after = 2


class LogFull(HeadraceError):
    """The log has reached its ``max_bytes``. Nothing is dropped; work is refused until something ages out."""

    status = 503
    code = "log_full"
    retry_after = 30


class AppendRefused(HeadraceError):
    """An expected sequence did not hold: somebody else was first."""

    status = 409
    code = "append_refused"


class ScheduleRefused(HeadraceError):
    """The broker does not take a cron expression or a time zone."""

    status = 422
    code = "invalid_schedule"


class ReadModelUnavailable(HeadraceError):
    """Postgres cannot be reached. Submitting, running and following go on without it."""

    status = 503
    code = "read_model_unavailable"
    retry_after = 2


class ReadModelBehind(HeadraceError):
    """The projector has not reached the asked position in time."""

    status = 503
    code = "read_model_behind"
    retry_after = 1


class TooLarge(HeadraceError):
    """A body, or what becomes of it in the log, is over its limit."""

    status = 413
    code = "too_large"


class MalformedRequest(HeadraceError):
    """The request cannot be read."""

    status = 400
    code = "malformed_request"


class InvalidPosition(HeadraceError):
    """A position is not ``<epoch>-<sequence>``."""

    status = 400
    code = "invalid_position"


class InvalidCursor(HeadraceError):
    """A list cursor is not one that this API handed out."""

    status = 400
    code = "invalid_cursor"


class InvalidInput(HeadraceError):
    """A submission can be read but not accepted; each offending path is named."""

    status = 422
    code = "invalid_input"


class UnknownKind(HeadraceError):
    """No worker ever announced this kind."""

    status = 422
    code = "unknown_kind"


class KindNotFound(HeadraceError):
    """No worker ever announced this kind, which is the resource that was asked for."""

    status = 404
    code = "kind_not_found"


class KindWithoutWorkers(HeadraceError):
    """No worker ever ran this kind, so nothing hands out its tasks that could be paused."""

    status = 409
    code = "kind_has_no_workers"


class TaskNotFound(HeadraceError):
    """There is no such task, or it belongs to somebody else."""

    status = 404
    code = "task_not_found"


class TaskFinished(HeadraceError):
    """The task is over; there is nothing left to cancel. ``state`` is how it ended, None when that is not known."""

    status = 409
    code = "task_finished"

    def __init__(self, message: str, state: State | None = None) -> None:
        super().__init__(message)
        self.state = state


class TaskNotFinished(HeadraceError):
    """The task is not over; it cannot be run again yet."""

    status = 409
    code = "task_not_finished"


class BatchNotFound(HeadraceError):
    """There is no such batch, or it belongs to somebody else."""

    status = 404
    code = "batch_not_found"


class BatchSettledError(HeadraceError):
    """All tasks of the batch are final; there is nothing left to cancel."""

    status = 409
    code = "batch_settled"


class ScheduleNotFound(HeadraceError):
    """There is no such schedule, or it belongs to somebody else."""

    status = 404
    code = "schedule_not_found"


class InvalidFollowToken(HeadraceError):
    """The token of a follow link is none of ours, or was changed."""

    status = 401
    code = "invalid_follow_token"


class FollowTokenExpired(HeadraceError):
    """The time of a follow link is over."""

    status = 403
    code = "follow_token_expired"


class FollowLinksOff(HeadraceError):
    """There is no secret to sign follow links with."""

    status = 501
    code = "follow_links_off"


class KeyReused(HeadraceError):
    """An Idempotency-Key came with another body than the first time."""

    status = 422
    code = "idempotency_key_reused"


class InvalidKey(HeadraceError):
    """An Idempotency-Key cannot be read."""

    status = 400
    code = "invalid_idempotency_key"
