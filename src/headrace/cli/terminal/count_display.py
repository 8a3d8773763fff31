"""Show on standard error how many of a total are done: as a bar on a terminal, as lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from headrace.cli.terminal.output import note
from headrace.printable import printable

LINE_SECONDS = 1.0  # between two lines, so that counts do not fill a log file


class CountDisplay(Protocol):
    """Shows a count that grows. It is entered before the first count and left after the last one."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def show(self, count: int, words: str) -> None:
        """Show the present count, and words about it."""
        ...


def count_display_for(title: str, total: int) -> CountDisplay:
    """Return a bar when standard error is a terminal, lines otherwise."""
    return CountBar(title, total) if sys.stderr.isatty() else CountLines(total)


class CountLines:
    """Writes at most one line each `LINE_SECONDS`, and the last count in any case."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._unwritten: str | None = None
        self._written_at = -LINE_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._unwritten is not None:
            note(self._unwritten)

    def show(self, count: int, words: str) -> None:
        """Show the count; see `CountDisplay.show`."""
        self._unwritten = f"{count:,} of {self._total:,}: {words}"
        if time.monotonic() - self._written_at >= LINE_SECONDS:
            note(self._unwritten)
            self._unwritten, self._written_at = None, time.monotonic()


class CountBar:
    """Draws a bar with the count and the words."""

    def __init__(self, title: str, total: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[words]}", markup=False),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task(printable(title), total=total, words="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, count: int, words: str) -> None:
        """Show the count; see `CountDisplay.show`."""
        self._progress.update(self._task, completed=count, words=words)
