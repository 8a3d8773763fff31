"""Follow links: URLs that let a browser watch one task, or one batch, without credentials."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.batches import Batch
from headrace.contracts.tasks import TaskSummary

SECONDS_MAX = 86_400.0  # a day; a page that watches for longer asks its backend for another link


class FollowLinkRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a follow link is valid."""

    expires_in: Annotated[float, Meta(ge=1, le=SECONDS_MAX, description="Seconds until the link expires.")] = 900.0


class FollowLink(Struct, frozen=True, kw_only=True):
    """A link for `EventSource`. Until it expires it lets its bearer watch, and do nothing else."""

    url: str
    expires_at: datetime


class AcceptedTask(TaskSummary, frozen=True, kw_only=True):
    """A task that was just accepted, with a follow link when the request asked for one."""

    follow_link: FollowLink | None = None


class AcceptedBatch(Batch, frozen=True, kw_only=True):
    """A batch that was just accepted, with a follow link when the request asked for one."""

    follow_link: FollowLink | None = None
