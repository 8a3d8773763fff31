"""`headrace tail`: the log, as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import click
import msgspec
from msgspec import Raw, Struct

from headrace.cli.terminal.events import clock, color, shortened, what_matters
from headrace.cli.terminal.reading import the_log
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.live import listen
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.settings import Settings

LOOK_SECONDS = 1.0  # how often the log is looked at in silence: a live message can be lost without any sign of it
SHORT_ID_CHARS = 8  # the end of an id is random, its beginning is the time
EVENT_WIDTH = 10  # `progressed`


class Wanted(NamedTuple):
    """Which events to show; ``*`` is any. A task may be named by the end of its id."""

    kind: str = "*"
    task: str = "*"
    event: str = "*"

    @property
    def subject(self) -> str:
        """The slice of the log they are in."""
        return subjects.task_events(task="*" if self._is_short else self.task, kind=self.kind, event=self.event)

    def has(self, record: Record) -> bool:
        """Whether a record of that slice is one."""
        return not self._is_short or record.subject.endswith(self.task)

    @property
    def _is_short(self) -> bool:
        return self.task != "*" and len(self.task) <= SHORT_ID_CHARS


class Line(Struct, frozen=True, kw_only=True):
    """An event as `--json` has it."""

    sequence: int
    position: str
    at: datetime
    event: str
    kind: str
    priority: str
    owner: str
    task: str
    batch: str | None
    correlation_id: str | None
    data: Raw


async def tail(settings: Settings, wanted: Wanted, *, since: timedelta | None, json: bool) -> None:
    """Print events until cancelled.

    Args:
        settings: Where NATS is.
        wanted: Which events.
        since: How far back to begin; with what comes from now on when None.
        json: One JSON object a line instead of words.

    Raises:
        Stopped: the log cannot be reached, or there is none.
    """
    written = _as_json if json else _in_words
    async with the_log(settings, "tail") as log, aclosing(_follow(log, wanted.subject, since)) as pages:
        async for epoch, records in pages:
            lines = [written(record, epoch) for record in records if wanted.has(record)]
            if lines:
                click.echo("\n".join(lines))


async def _follow(log: Log, subject: str, since: timedelta | None) -> AsyncGenerator[tuple[int, list[Record]]]:
    """Pages of the log with its epoch, without end. What is heard live only says when to read on, so nothing is shown twice or left out."""
    heard = asyncio.Event()
    await listen(log.connection, subject, lambda _: heard.set())
    state = await log.refresh()
    epoch, start = state.epoch, state.last_sequence + 1
    from_time = (datetime.now(UTC) - since).isoformat() if since is not None else None
    away = False
    while True:
        heard.clear()
        try:
            page = await log.replayer.page(subject, start=start, since=from_time)
            if (away or not page.records) and (await log.refresh()).epoch != epoch:
                click.echo("the log was lost and made anew; this is the new one", err=True)
                epoch, start = log.epoch, 1
                continue
        except LogUnavailable as error:
            if not away:
                click.echo(f"waiting: {error.message}", err=True)
            away = True
            await asyncio.sleep(LOOK_SECONDS)
            continue
        away, from_time = False, None
        if page.records:
            start = page.records[-1].sequence + 1
            yield epoch, page.records
        if not page.more:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):  # `wait_for` swallows a Ctrl-C that comes with an event
                    await heard.wait()


def _as_json(record: Record, epoch: int) -> str:
    subject = TaskSubject.parse(record.subject)
    line = Line(
        sequence=record.sequence,
        position=str(Position(epoch, record.sequence)),
        at=record.at,
        event=subject.event,
        kind=subject.kind,
        priority=subject.priority,
        owner=subject.owner,
        task=subject.task,
        batch=record.headers.get(subjects.BATCH),
        correlation_id=record.headers.get(subjects.CORRELATION_ID),
        data=_on_one_line(record.payload),
    )
    return msgspec.json.encode(line).decode()


def _in_words(record: Record, _epoch: int) -> str:
    subject = TaskSubject.parse(record.subject)
    try:
        data = msgspec.json.decode(record.payload, type=dict[str, Any])
    except msgspec.MsgspecError:
        said, data = record.payload.decode(errors="replace"), {}
    else:
        said = what_matters(subject.event, data | {"priority": subject.priority})
    words = (
        click.style(clock(record.at), dim=True),
        click.style(f"{subject.event:<{EVENT_WIDTH}}", fg=color(subject.event, data)),
        click.style(subject.kind, bold=True),
        subject.task[-SHORT_ID_CHARS:],
        shortened(said),
    )
    return " ".join(words).rstrip()


def _on_one_line(payload: bytes) -> Raw:
    """The payload as JSON; as a string when a foreign writer left something else."""
    try:
        return Raw(msgspec.json.format(payload, indent=-1))
    except msgspec.MsgspecError:
        return Raw(msgspec.json.encode(payload.decode(errors="replace")))
