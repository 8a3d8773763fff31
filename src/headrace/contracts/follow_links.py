"""Follow links: what a browser needs to watch one task, or one batch, of somebody else."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.batches import Batch
from headrace.contracts.tasks import TaskSummary

SECONDS_MAX = 86_400.0  # a day; a page that watches for longer asks its backend for another one


class FollowLinkRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a link is to be good for."""

    expires_in: Annotated[float, Meta(ge=1, le=SECONDS_MAX, description="Seconds until it expires.")] = 900.0


class FollowLink(Struct, frozen=True, kw_only=True):
    """A link for `EventSource`: whoever has it may watch, and nothing else, until it expires."""

    url: str
    expires_at: datetime


class AcceptedTask(TaskSummary, frozen=True, kw_only=True):
    """A task that was just accepted, with a link to follow it when that was asked for."""

    follow_link: FollowLink | None = None


class AcceptedBatch(Batch, frozen=True, kw_only=True):
    """A batch that was just accepted, with a link to follow it when that was asked for."""

    follow_link: FollowLink | None = None
