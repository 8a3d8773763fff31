"""`headrace tail`: show the events of the log as they are appended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import click
import msgspec
from msgspec import Raw, Struct

from headrace.cli.terminal.event_text import describe_event, event_color, local_time, shortened
from headrace.cli.terminal.log_reader import open_log_reader
from headrace.cli.terminal.output import note, show_json_text, show_styled
from headrace.contracts.events import EventName, Finished, Outcome, read
from headrace.contracts.payloads import decode_payload
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.replay import Page
from headrace.log.subjects import TaskSubject
from headrace.printable import printable
from headrace.settings import Settings

LOG_POLL_SECONDS = 1.0  # while no live message comes, or the log is away
SHORT_ID_CHARS = 8  # the end of an id is random, its beginning is the time
EVENT_WIDTH = 10  # `progressed`

_decoder = msgspec.json.Decoder(dict[str, Any])
_raw_decoder = msgspec.json.Decoder(Raw)


class EventFilter(NamedTuple):
    """Which events to show; ``*`` stands for any. A task may be given by the end of its id.

    With ``outcome`` or ``slower_than``, only ends of runs are shown: those with this outcome, and those whose last attempt ran for
    longer than this.
    """

    kind: str = "*"
    task: str = "*"
    event: str = "*"
    outcome: Outcome | None = None
    slower_than: timedelta | None = None

    @property
    def subject(self) -> str:
        """The subjects of the part of the log that has these events."""
        return subjects.task_events(task="*" if self._is_short else self.task, kind=self.kind, event=self.event)

    def matches(self, record: Record) -> bool:
        """Tell whether a record of that part is one of these events."""
        if self._is_short and not TaskSubject.parse(record.subject).task.endswith(self.task):
            return False
        return (self.outcome is None and self.slower_than is None) or self._matches_end(record)

    def _matches_end(self, record: Record) -> bool:
        """Tell whether the end of a run is one of those to show; one without a duration is slower than nothing."""
        finished = read(EventName.FINISHED, record.payload)
        if not isinstance(finished, Finished) or self.outcome not in (None, finished.outcome):
            return False
        return self.slower_than is None or (finished.run_seconds or 0.0) > self.slower_than.total_seconds()

    @property
    def _is_short(self) -> bool:
        return self.task != "*" and len(self.task) <= SHORT_ID_CHARS


class Line(Struct, frozen=True, kw_only=True):
    """An event as `--json` writes it."""

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


async def tail_log(
    settings: Settings, event_filter: EventFilter, *, home: str | None, since: timedelta | None, json: bool
) -> None:
    """Print events until cancelled.

    Args:
        settings: Where NATS is.
        event_filter: Which events.
        home: The home of the `up` whose log it is; the settings say where NATS is when None.
        since: How far back to begin; with the next event when None.
        json: Print one JSON object a line instead of words.

    Raises:
        CommandFailed: The log cannot be reached, or there is none.
    """
    write_line = _as_json if json else _in_words
    async with (
        open_log_reader(settings, "tail", home) as log,
        aclosing(LogFollower(log, event_filter.subject, since).pages()) as pages,
    ):
        async for epoch, records in pages:
            lines = [write_line(record, epoch) for record in records if event_filter.matches(record)]
            if lines:
                (show_json_text if json else show_styled)("\n".join(lines))


class LogFollower:
    """Reads a part of the log page by page, first what is there, then what is appended.

    A live message only tells when to read the next page, so that no event is shown twice or left out. It can be lost without
    any sign, so the log is polled as well.

    Args:
        log: The log.
        subject: The subjects of the part.
        since: How far back to begin; with the next event when None.
    """

    def __init__(self, log: Log, subject: str, since: timedelta | None) -> None:
        self._log = log
        self._subject = subject
        self._since = (datetime.now(UTC) - since).isoformat() if since is not None else None
        self._appended = asyncio.Event()
        self._is_away = False
        self._epoch = 0
        self._next_sequence = 1

    async def pages(self) -> AsyncGenerator[tuple[int, list[Record]]]:
        """Give the log's epoch and the next records, without end."""
        await self._log.live.listen(self._subject, lambda _: self._appended.set())
        state = await self._log.refresh()
        self._epoch, self._next_sequence = state.epoch, state.last_sequence + 1
        while True:
            self._appended.clear()
            page = await self._read_page()
            if page is None:
                continue
            if page.records:
                self._next_sequence = page.records[-1].sequence + 1
                yield self._epoch, page.records
            if not page.more:
                await self._wait_for_append()

    async def _read_page(self) -> Page | None:
        """Read the next page; None when the log is away, or was made anew and has to be read from its beginning."""
        try:
            page = await self._log.replayer.page(self._subject, start=self._next_sequence, since=self._since)
            if (self._is_away or not page.records) and (await self._log.refresh()).epoch != self._epoch:
                note("the log was lost and made anew; this is the new one")
                self._epoch, self._next_sequence = self._log.epoch, 1
                return None
        except LogUnavailable as error:
            if not self._is_away:
                note(f"waiting: {error.message}")
            self._is_away = True
            await asyncio.sleep(LOG_POLL_SECONDS)
            return None
        self._is_away, self._since = False, None
        return page

    async def _wait_for_append(self) -> None:
        # `asyncio.wait_for` would swallow a Ctrl-C that comes at the same time as an event.
        with suppress(TimeoutError):
            async with asyncio.timeout(LOG_POLL_SECONDS):
                await self._appended.wait()


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
        data = decode_payload(_decoder, record.payload)
    except msgspec.MsgspecError:
        text, data = record.payload.decode(errors="replace"), {}
    else:
        text = describe_event(subject.event, data | {"priority": subject.priority})
    words = (
        click.style(local_time(record.at), dim=True),
        click.style(f"{printable(subject.event):<{EVENT_WIDTH}}", fg=event_color(subject.event, data)),
        click.style(printable(subject.kind), bold=True),
        printable(subject.task[-SHORT_ID_CHARS:]),
        shortened(text),
    )
    return " ".join(words).rstrip()


def _on_one_line(payload: bytes) -> Raw:
    """Write the payload as JSON on one line; as a JSON string when its writer left something that is not JSON."""
    try:
        decode_payload(_raw_decoder, payload)
        return Raw(msgspec.json.format(payload, indent=-1))
    except msgspec.MsgspecError:
        return Raw(msgspec.json.encode(payload.decode(errors="replace")))
