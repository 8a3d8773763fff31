"""The errors Headrace raises on purpose.

    HeadraceError                    500 internal
    ├── LogUnavailable               503 log_unavailable      Retry-After
    ├── LogFull                      503 log_full             Retry-After
    ├── AppendRefused                409 append_refused       never shown as such: the caller that appends handles it
    ├── ReadModelUnavailable         503 read_model_unavailable  Retry-After
    ├── ReadModelBehind              503 read_model_behind    Retry-After
    ├── TooLarge                     413 too_large
    ├── MalformedRequest             400 malformed_request
    ├── UnknownHost                  421 unknown_host
    ├── CrossSite                    403 cross_site
    ├── UnsupportedMediaType         415 unsupported_media_type
    ├── BodyTimeout                  408 body_timeout
    ├── TooManyUploads               503 too_many_uploads     Retry-After
    ├── TooManyDeletions             503 too_many_deletions   Retry-After
    ├── Stopping                     503 stopping             Retry-After
    ├── InvalidPosition              400 invalid_position
    ├── InvalidCursor                400 invalid_cursor
    ├── InvalidInput                 422 invalid_input
    ├── UnknownKind                  422 unknown_kind
    ├── KindNotFound                 404 kind_not_found
    ├── KindWithoutWorkers           409 kind_has_no_workers
    ├── TaskNotFound                 404 task_not_found
    ├── TaskFinished                 409 task_finished
    ├── TaskNotFinished              409 task_not_finished
    ├── TaskDeleted                  409 task_deleted
    ├── ScheduleNotFound             404 schedule_not_found
    ├── InvalidFollowToken           401 invalid_follow_token
    ├── FollowTokenExpired           403 follow_token_expired
    ├── FollowLinksOff               501 follow_links_off
    ├── KeyReused                    422 idempotency_key_reused
    └── InvalidKey                   400 invalid_idempotency_key

Each has its HTTP status, a stable code, and a sentence that says what to do. `headrace.api.edge.problems` writes all of them in
one shape on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import State


class HeadraceError(Exception):
    """Any error of this module. ``retry_after`` is in seconds, ``errors`` names what is wrong field by field."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    retry_after: int | None = None

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
    """The log has reached its ``max_bytes``. Nothing is dropped; new work is refused until old events age out."""

    status = 503
    code = "log_full"
    retry_after = 30


class AppendRefused(HeadraceError):
    """The condition of an append did not hold, because another append came first."""

    status = 409
    code = "append_refused"


class ReadModelUnavailable(HeadraceError):
    """Postgres cannot be reached. Submitting, running and following tasks go on without it."""

    status = 503
    code = "read_model_unavailable"
    retry_after = 2


class ReadModelBehind(HeadraceError):
    """The projector did not reach the requested position in time."""

    status = 503
    code = "read_model_behind"
    retry_after = 1


class TooLarge(HeadraceError):
    """A body, or the log message made of it, is over its limit."""

    status = 413
    code = "too_large"


class MalformedRequest(HeadraceError):
    """The request cannot be read."""

    status = 400
    code = "malformed_request"


class UnknownHost(HeadraceError):
    """The Host header names a host that this API does not answer for."""

    status = 421
    code = "unknown_host"


class CrossSite(HeadraceError):
    """A page of another site asks for a change."""

    status = 403
    code = "cross_site"


class UnsupportedMediaType(HeadraceError):
    """The body is not of a media type, a character set or an encoding that the API reads."""

    status = 415
    code = "unsupported_media_type"


class BodyTimeout(HeadraceError):
    """The client does not send its body, or sends it too slowly."""

    status = 408
    code = "body_timeout"


class TooManyUploads(HeadraceError):
    """The bodies that this process receives at the moment take all the room that there is for them."""

    status = 503
    code = "too_many_uploads"
    retry_after = 10


class TooManyDeletions(HeadraceError):
    """Many tasks are being deleted at the moment. Each takes connections to Postgres, of which others need some."""

    status = 503
    code = "too_many_deletions"
    retry_after = 5


class Stopping(HeadraceError):
    """The process is about to stop. Another one, or its successor, can serve the request."""

    status = 503
    code = "stopping"
    retry_after = 1


class InvalidPosition(HeadraceError):
    """A position is not ``<epoch>-<sequence>``."""

    status = 400
    code = "invalid_position"


class InvalidCursor(HeadraceError):
    """The cursor of a list was not issued by this API."""

    status = 400
    code = "invalid_cursor"


class InvalidInput(HeadraceError):
    """A submission can be read but not accepted; ``errors`` names each path that is wrong."""

    status = 422
    code = "invalid_input"


class UnknownKind(HeadraceError):
    """A submission names a kind that no worker ever announced."""

    status = 422
    code = "unknown_kind"


class KindNotFound(HeadraceError):
    """The requested resource is a kind that no worker ever announced."""

    status = 404
    code = "kind_not_found"


class KindWithoutWorkers(HeadraceError):
    """No worker ever ran this kind, so it has no consumers that could be paused."""

    status = 409
    code = "kind_has_no_workers"


class TaskNotFound(HeadraceError):
    """There is no such task, or it has another owner."""

    status = 404
    code = "task_not_found"


class TaskFinished(HeadraceError):
    """The task is over; there is nothing left to cancel. ``state`` is its final state, None when that is not known."""

    status = 409
    code = "task_finished"

    def __init__(self, message: str, state: State | None = None) -> None:
        super().__init__(message)
        self.state = state


class TaskNotFinished(HeadraceError):
    """The task is not over; it cannot be run again yet."""

    status = 409
    code = "task_not_finished"


class TaskDeleted(HeadraceError):
    """The task that an Idempotency-Key has made was deleted, and the log remembers the key."""

    status = 409
    code = "task_deleted"


class ScheduleNotFound(HeadraceError):
    """There is no such schedule, or it has another owner."""

    status = 404
    code = "schedule_not_found"


class InvalidFollowToken(HeadraceError):
    """The token of a follow link was not signed with one of the secrets, or was changed."""

    status = 401
    code = "invalid_follow_token"


class FollowTokenExpired(HeadraceError):
    """A follow link has expired."""

    status = 403
    code = "follow_token_expired"


class FollowLinksOff(HeadraceError):
    """There is no secret that could sign follow links."""

    status = 501
    code = "follow_links_off"


class KeyReused(HeadraceError):
    """An Idempotency-Key was used again with another body."""

    status = 422
    code = "idempotency_key_reused"


class InvalidKey(HeadraceError):
    """An Idempotency-Key is empty or too long, or has characters other than visible ASCII."""

    status = 400
    code = "invalid_idempotency_key"
