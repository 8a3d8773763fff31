"""A version after the checkout, made up: it expands the database and the log, so that the checkout is the older one of two.

The migrations add columns, a table and an index. Of the log, the stream has one subject more, and processes write what the checkout
does not know:

    queued.hue         a field that the API writes, and that the worker has to read
    started.tint       a field that the worker writes; the projector puts it into the column `tint` of the task
    coloured           an event of the worker, with the hue that it was given; the projector puts it into the column `colour`

All that is new is shown in columns of its own. So what the older version knows of a row is the same whoever has written it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from headrace.store.revision import revisions
from tests.upgrade.versions import ROOT, Version

HUE = "teal"
"""What an API of this version writes into `queued` events."""

_PLAIN = "grey"
_TINT = "warm"

_COLUMNS = f'''"""Columns and a table that the version before does not know."""

import sqlalchemy as sa
from alembic import op

revision = "{{revision}}"
down_revision = "{{before}}"


def upgrade() -> None:
    op.add_column("tasks", sa.Column("colour", sa.Text, nullable=False, server_default="{_PLAIN}"))
    op.add_column("tasks", sa.Column("tint", sa.Text))
    op.create_table("colours", sa.Column("id", sa.Text, primary_key=True))
'''

_INDEX = '''"""An index of a table in use."""

from headrace.store.concurrent_index import create_index_concurrently

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    create_index_concurrently("tasks_by_colour", "tasks", ["colour", "id"])
'''

_COLOURED = """

class Coloured(Struct, frozen=True, kw_only=True, tag_field="event", tag="coloured", omit_defaults=True):
    attempt: Attempt
    colour: str


Event = Coloured | """

_APPEND_COLOURED = f"""
        coloured = Coloured(attempt=execution.queued.attempt, colour=execution.queued.hue or "{_PLAIN}")
        await self.append_nowait(execution, EventName.COLOURED, coloured)"""

_STRUCT = '(Struct, frozen=True, kw_only=True, tag_field="event", tag="{}", omit_defaults=True):\n'

_CHANGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "log/streams.py": (("subjects.PROBE, subjects.DROPPED)", 'subjects.PROBE, subjects.DROPPED, "hr.next.>")'),),
    "contracts/events.py": (
        (_STRUCT.format("queued"), _STRUCT.format("queued") + "    hue: str | None = None\n"),
        (_STRUCT.format("started"), _STRUCT.format("started") + "    tint: str | None = None\n"),
        ("\n\nEvent = ", _COLOURED),
        ('    QUEUED = "queued"\n', '    QUEUED = "queued"\n    COLOURED = "coloured"\n'),
        # Events of a high rate have no entry in the timeline, which the older version would not make.
        ("HIGH_RATE = frozenset({", "HIGH_RATE = frozenset({EventName.COLOURED, "),
    ),
    "lifecycle/queueing.py": (
        ("    input: Raw\n", "    input: Raw\n    hue: str | None = None\n"),
        ("        Queued(\n", "        Queued(\n            hue=task.hue,\n"),
    ),
    "api/v1/submit.py": (("waiting = WaitingTask(\n", f'waiting = WaitingTask(\n            hue="{HUE}",\n'),),
    "worker/event_writer.py": (
        (" Deferred, Event, EventName,", " Coloured, Deferred, Event, EventName,"),
        ("execution.note_handler_start()", f"execution.note_handler_start(){_APPEND_COLOURED}"),
        ("started = Started(\n", f'started = Started(\n            tint="{_TINT}",\n'),
    ),
    "store/tables.py": (
        ("    input: Json\n", f'    input: Json\n    colour: str = "{_PLAIN}"\n    tint: str | None = None\n'),
    ),
    "projector/fold/tasks.py": (
        ("events import (\n", "events import (\n    Coloured,\n"),
        ("        case Started():\n", "        case Started():\n            row.tint = event.tint or row.tint\n"),
        ("    match event:\n", "    match event:\n        case Coloured():\n            row.colour = event.colour\n"),
    ),
    "projector/fold/timeline.py": (('in ("attempt",', 'in ("attempt", "hue", "tint",'),),
}


def make_next_version(place: Path) -> Version:
    """Make the version in a directory."""
    for name in ("src", "migrations"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    before = revisions()[-1]
    for name, text in (("columns", _COLUMNS), ("index", _INDEX)):
        revision = f"{int(before) + 1:04}"
        path = place / f"migrations/versions/{revision}_next_{name}.py"
        path.write_text(text.format(revision=revision, before=before))
        before = revision
    for name, changes in _CHANGES.items():
        _change(place / "src/headrace" / name, changes)
    place.chmod(0o755)
    return Version(name="next", python=sys.executable, source=place / "src")


def _change(path: Path, changes: tuple[tuple[str, str], ...]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert text.count(old) == 1, (
            f"{path.name} has {text.count(old)} times {old!r}; this version cannot be made of it"
        )
        text = text.replace(old, new)
    path.write_text(text)
