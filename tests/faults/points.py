"""Processes that are killed at a named point: ``python -m tests.faults.points <process>``.

The product knows nothing of this. Before the process' own command runs, the function that passes the point is wrapped, so that
the process kills itself there, as a crash would, when it has passed the point the given number of times: once in its life.

    HEADRACE_TEST_POINT=<name>:<times>        which point, and on which passing of it
    HEADRACE_TEST_RETENTION_SECONDS           what is over is removed after so many seconds, whatever the settings keep
    HEADRACE_TEST_DIR                         where `points` is written: a line for each point that was reached
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.store.projection import FoldedPage

VARIABLE = "HEADRACE_TEST_POINT"
RETENTION = "HEADRACE_TEST_RETENTION_SECONDS"
PASS_SECONDS = 0.5  # between two passes of retention, when it removes after seconds
REMOVED_ROWS = 20  # by one transaction, so that a pass takes long enough to be killed in its middle
REACHED = "points"

Die = Callable[[], None]


def _after_append(die: Die, *subjects: str) -> None:
    """When the log has acknowledged an append under one of these subjects, and nobody has been told."""
    from headrace.log.append import Appender

    append: Callable[..., Awaitable[Any]] = Appender.append

    async def passing(self: Appender, subject: str, *rest: Any) -> Any:
        appended = await append(self, subject, *rest)
        if subject.startswith(subjects):
            die()
        return appended

    Appender.append = passing


def _after_batch(die: Die, *subjects: str) -> None:
    """When the log has acknowledged several messages as one, one of them under one of these subjects."""
    from headrace.log.append import Appender

    append_all: Callable[..., Awaitable[Any]] = Appender.append_all

    async def passing(self: Appender, messages: Any) -> Any:
        appended = await append_all(self, messages)
        if any(message.subject.startswith(subjects) for message in messages):
            die()
        return appended

    Appender.append_all = passing


def _before_acknowledging(die: Die) -> None:
    """When a page is committed, and the broker has not been told."""
    from headrace.projector.pages import Pages

    acknowledge: Callable[..., Awaitable[Any]] = Pages.acknowledge

    async def passing(self: Pages, *rest: Any) -> Any:
        die()
        return await acknowledge(self, *rest)

    Pages.acknowledge = passing


def _before_committing(die: Die, wanted: Callable[[FoldedPage], bool] = lambda page: True) -> None:
    """When all of a wanted page has been written, and its transaction has not been committed."""
    from headrace.store.projection import Projection

    write_page: Callable[..., Awaitable[Any]] = Projection.write_page

    async def passing(self: Projection, page: FoldedPage, *rest: Any) -> Any:
        connection: Any = self._connection
        execute = connection.execute

        async def last_statement(statement: str, *arguments: Any) -> Any:
            done = await execute(statement, *arguments)
            if "projection" in statement and wanted(page):
                die()
            return done

        self._connection = _With(connection, execute=last_statement)
        try:
            return await write_page(self, page, *rest)
        finally:
            self._connection = connection

    Projection.write_page = passing


class _With:
    """An object with one method replaced."""

    def __init__(self, of: Any, **replaced: Any) -> None:
        self._of = of
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)


POINTS: dict[str, Callable[[Die], None]] = {
    "after-publish": lambda die: _after_append(die, "hr.tasks.queued.", "hr.tasks.deferred."),
    "after-batch-publish": lambda die: _after_batch(die, "hr.tasks.queued.", "hr.batches.created."),
    "after-timer": lambda die: _after_append(die, "hr.timers."),
    "after-deferred": lambda die: _after_append(die, "hr.tasks.deferred."),
    "after-outcome": lambda die: _after_append(die, "hr.tasks.finished."),
    "after-deletion": lambda die: _after_append(die, "hr.tasks.deleted."),
    "before-commit": _before_committing,
    "before-commit-of-deletion": lambda die: _before_committing(die, lambda page: bool(page.deleted_tasks)),
    "after-commit": _before_acknowledging,
}


def reached(place: Path) -> list[str]:
    """The points that processes died at so far."""
    file = place / REACHED
    return file.read_text().splitlines() if file.exists() else []


def _arm(point: str, times: int, place: Path) -> None:
    left = times

    def die() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            with (place / REACHED).open("a") as file:
                file.write(f"{point} {os.getpid()}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    POINTS[point](die)


def _keep_for(seconds: float) -> None:
    """Have retention remove what is over after seconds instead of days."""
    from headrace.projector import retention

    async def before(session: object, kind: str, now: datetime) -> datetime:
        return now - timedelta(seconds=seconds)

    retention.PASS_SECONDS, retention.ROWS = PASS_SECONDS, REMOVED_ROWS
    vars(retention)["_before"] = before


def main() -> None:
    """Arm the point, and be the process."""
    if seconds := os.environ.get(RETENTION):
        _keep_for(float(seconds))
    if given := os.environ.get(VARIABLE):
        point, _, times = given.partition(":")
        _arm(point, int(times), Path(os.environ["HEADRACE_TEST_DIR"]))
    from headrace.cli import main as command_line

    sys.argv[0] = "headrace"
    command_line()


if __name__ == "__main__":
    main()
