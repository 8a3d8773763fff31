"""The table of files: those that are uploaded, and those that tasks have stored.

The API writes the rows of uploads, each change in one transaction. Rows with a ``task`` are a function of the log: the projector
writes them from `stored` events, and nobody else does.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Index, text

from headrace.store.columns import Long, describe_table


class FileRow(Struct, kw_only=True):
    """A row of `files`.

    ``size`` and ``sha256`` are what the client has declared, until the file is ready; then they are what was counted.
    ``expires_at`` is when an upload that is not ready by then is removed. ``leased_until`` is until when a process that verifies
    the upload has it for itself.
    """

    id: str
    owner: str
    name: str
    media_type: str
    size: Long
    sha256: str | None = None
    state: str
    reason: str | None = None
    task: str | None = None
    created_at: datetime
    ready_at: datetime | None = None
    expires_at: datetime | None = None
    leased_until: datetime | None = None


files = describe_table(
    "files",
    FileRow,
    Index("files_by_age", "owner", "created_at", "id"),
    Index("files_of_task", "task", "created_at", "id", postgresql_where=text("task IS NOT NULL")),
    Index("files_expiring", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
    # What an owner has together is read off the index alone, also for one with very many files.
    Index("files_sizes", "owner", postgresql_include=["size", "state"]),
)
