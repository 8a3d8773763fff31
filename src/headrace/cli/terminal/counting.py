"""How many of how many, on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LINE_SECONDS = 1.0  # between two lines; a log is not to be filled with counts


class Counter(Protocol):
    """Shows a count that grows; entered before the first, left after the last."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def show(self, count: int, words: str) -> None:
        """Show the count as it is now."""
        ...


def counter_for(what: str, total: int) -> Counter:
    """What suits standard error."""
    return CountBar(what, total) if sys.stderr.isatty() else CountLines(total)


class CountLines:
    """A line each second at most, and the last count in any case."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._unsaid: str | None = None
        self._said_at = -LINE_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._unsaid is not None:
            click.echo(self._unsaid, err=True)

    def show(self, count: int, words: str) -> None:
        """See `Counter.show`."""
        self._unsaid = f"{count:,} of {self._total:,}: {words}"
        if time.monotonic() - self._said_at >= LINE_SECONDS:
            click.echo(self._unsaid, err=True)
            self._unsaid, self._said_at = None, time.monotonic()


class CountBar:
    """A bar with the count and the words."""

    def __init__(self, what: str, total: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[words]}", markup=False),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task(what, total=total, words="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, count: int, words: str) -> None:
        """See `Counter.show`."""
        self._progress.update(self._task, completed=count, words=words)
