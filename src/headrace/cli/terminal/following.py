"""A task while it runs, on standard error: a progress bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from headrace.cli.terminal.events import clock, color, printable, what_matters
from headrace.client import StreamEvent
from headrace.contracts.events import EventName
from headrace.contracts.tasks import TaskSummary


class Display(Protocol):
    """Shows the events of one task; entered before the first, left after the last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def show(self, event: StreamEvent) -> None:
        """Show the next event."""
        ...


def display_for(task: TaskSummary) -> Display:
    """What suits standard error."""
    return Bar(task.kind) if sys.stderr.isatty() else Lines()


class Lines:
    """An event a line; streamed output as many as it has."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def show(self, event: StreamEvent) -> None:
        """See `Display.show`."""
        time = clock(datetime.fromisoformat(event.data["at"])) if "at" in event.data else ""
        for line in _lines(event):
            click.echo(f"{time} {event.event} {line}".strip(), err=True)


class Bar:
    """A progress bar with the latest message; everything else above it."""

    def __init__(self, kind: str) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[message]}", markup=False),
            console=self._console,
        )
        self._task = self._progress.add_task(kind, total=None, message="queued")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, event: StreamEvent) -> None:
        """See `Display.show`."""
        match event.event:
            case EventName.PROGRESSED:
                message = printable(event.data.get("message") or "")
                self._progress.update(self._task, total=1, completed=event.data["fraction"], message=message)
            case EventName.QUEUED | EventName.STARTED:
                self._progress.update(self._task, completed=0, message=event.event)
            case EventName.FINISHED:
                self._progress.update(self._task, message=event.data["outcome"])
            case _:
                for line in _lines(event):
                    self._console.print(Text(line, style=color(event.event, event.data) or ""), soft_wrap=True)


def _lines(event: StreamEvent) -> Iterator[str]:
    if event.event == EventName.FINISHED:  # its result, or why there is none, is told when all is over
        return iter([event.data["outcome"]])
    return map(printable, what_matters(event.event, event.data).splitlines() or [""])
