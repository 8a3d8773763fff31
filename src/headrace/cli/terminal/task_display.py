"""Show a task's events on standard error while it runs: as a progress bar on a terminal, as lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from headrace.cli.terminal.event_text import describe_event, event_color, local_time
from headrace.cli.terminal.output import note
from headrace.client import StreamEvent
from headrace.contracts.events import EventName
from headrace.contracts.tasks import TaskSummary
from headrace.printable import printable


class TaskDisplay(Protocol):
    """Shows the events of one task. It is entered before the first event and left after the last one."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def show(self, event: StreamEvent) -> None:
        """Show the next event."""
        ...


def task_display_for(task: TaskSummary) -> TaskDisplay:
    """Return a bar when standard error is a terminal, lines otherwise."""
    return TaskBar(task.kind) if sys.stderr.isatty() else TaskLines()


class TaskLines:
    """Writes one line for each event, and as many lines for streamed output as it has."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def show(self, event: StreamEvent) -> None:
        """Show the event; see `TaskDisplay.show`."""
        time = local_time(datetime.fromisoformat(event.data["at"])) if "at" in event.data else ""
        for line in _lines(event):
            note(f"{time} {event.event} {line}".strip())


class TaskBar:
    """Draws a progress bar with the latest message, and prints all other events above it."""

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
        self._task = self._progress.add_task(printable(kind), total=None, message="queued")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, event: StreamEvent) -> None:
        """Show the event; see `TaskDisplay.show`."""
        match event.event:
            case EventName.PROGRESSED:
                message = printable(event.data.get("message") or "")
                self._progress.update(self._task, total=1, completed=event.data["fraction"], message=message)
            case EventName.QUEUED | EventName.STARTED:
                self._progress.update(self._task, completed=0, message=event.event)
            case EventName.FINISHED:
                self._progress.update(self._task, message=printable(event.data["outcome"]))
            case _:
                for line in _lines(event):
                    self._console.print(Text(line, style=event_color(event.event, event.data) or ""), soft_wrap=True)


def _lines(event: StreamEvent) -> Iterator[str]:
    # The result, or the reason why there is none, is printed when the display has ended.
    if event.event == EventName.FINISHED:
        return iter([event.data["outcome"]])
    return map(printable, describe_event(event.event, event.data).splitlines() or [""])
