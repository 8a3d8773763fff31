"""The audit: who did what, on whom, and from where. Entries are added and never changed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

AUDIT_DATA_BYTES_MAX = 4096  # of one entry; it says what was done and holds no bodies


_NAME: Final = (
    "The email address of this user now, or the display name without one; null when this is no user, or not any more."
)


class Action(StrEnum):
    """What was done or tried. The subject is a user, a session, a key, a task, a batch or a kind, as the name says."""

    USER_REGISTERED = "user.registered"
    USER_CREATED = "user.created"
    USER_APPROVED = "user.approved"
    USER_REJECTED = "user.rejected"
    USER_CHANGED = "user.changed"
    USER_DELETED = "user.deleted"
    USER_SIGNED_OUT = "user.signed_out"
    USER_VIEWED = "user.viewed"
    PASSWORD_CHANGED = "password.changed"
    PASSWORD_RESET_ASKED = "password.reset_asked"
    PASSWORD_RESET = "password.reset"
    SIGN_IN_FAILED = "sign_in.failed"
    SIGN_IN_LINK_MADE = "sign_in.link_made"
    SESSION_CREATED = "session.created"
    SESSION_ENDED = "session.ended"
    SESSION_REVOKED = "session.revoked"
    SESSION_TOKEN_REUSED = "session.token_reused"
    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    SETTINGS_CHANGED = "settings.changed"
    SECRET_ROTATED = "secret.rotated"
    KIND_PAUSED = "kind.paused"
    KIND_RESUMED = "kind.resumed"
    TASK_DELETED = "task.deleted"
    TASKS_CANCELLED = "tasks.cancelled"
    TASKS_RUN_AGAIN = "tasks.run_again"
    BATCH_CANCELLED = "batch.cancelled"
    BATCH_RUN_AGAIN = "batch.run_again"
    AUDIT_TRIMMED = "audit.trimmed"


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One thing that somebody did or tried."""

    id: str
    at: datetime
    actor: Annotated[
        str | None,
        Meta(
            description="The id of the user; null for somebody who is not signed in. The first administrator of all has the id `local`."
        ),
    ]
    actor_name: Annotated[str | None, Meta(description=_NAME)] = None
    action: Annotated[
        str, Meta(description="What was done; a later version may know more.", examples=[Action.KEY_CREATED])
    ]
    subject: Annotated[str | None, Meta(description="On whom or what it was done.")]
    subject_name: Annotated[str | None, Meta(description=_NAME)] = None
    address: Annotated[str | None, Meta(description="The client's address.")]
    correlation_id: str | None
    data: Annotated[Raw, Meta(description="What belongs to this action, as an object.")]


class AuditPage(Struct, frozen=True, kw_only=True):
    """One page of the audit, newest first."""

    items: list[AuditEntry]
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
