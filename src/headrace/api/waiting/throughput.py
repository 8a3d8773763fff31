"""How fast the tasks of a kind start at the moment, as far as recent minutes say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from headrace.store.activity import KindPace

MINUTE = timedelta(minutes=1)
MINUTES_READ = 5  # of activity; what was before says little about now
WINDOW_SECONDS_MIN = 10.0  # over which starts are counted; a burst of a moment says nothing
RUNS_MIN = 5  # whose durations are known; fewer say nothing about the next
# Mean runs for which those that run may have run already. Runs of very different length seldom exceed it: their age is one mean run.
AGE_MAX = 2.0


class Running(NamedTuple):
    """The tasks of a kind that run.

    Attributes:
        tasks: How many.
        seconds: For how long they have run, on average; None when that is not known.
    """

    tasks: int
    seconds: float | None


class Window(NamedTuple):
    """Which minutes are read.

    Attributes:
        since: When the first minute began.
        saturated_since: From which minute on somebody has waited all the time, so that as many started as could.
    """

    since: datetime
    saturated_since: datetime


def window_of(queued_at: datetime, now: datetime) -> Window:
    """Return which minutes say how fast tasks start, for one that has waited since ``queued_at``."""
    this_minute = now.replace(second=0, microsecond=0)
    since = this_minute - (MINUTES_READ - 1) * MINUTE
    begin = queued_at.replace(second=0, microsecond=0)
    return Window(since, max(since, begin if begin == queued_at else begin + MINUTE))


def starts_per_second(
    pace: KindPace, window: Window, running: Running, rate: float | None, now: datetime
) -> float | None:
    """Return how many tasks of a kind start in a second while some wait; None when it cannot be said.

    While a task has waited, the workers of its kind started as many as they could, and these are counted. When it has not waited
    for a minute, those that run tell: as many start as end, which follows from how long such tasks have run. When those that run
    have run for much longer than that already, they are not such tasks.

    Args:
        pace: What happened to the kind in the minutes of the window.
        window: The window.
        running: Those of the kind that run.
        rate: How many of the kind may start a second; None for no limit.
        now: The time at which that was read.
    """
    seconds = (now - window.saturated_since).total_seconds()
    if seconds >= WINDOW_SECONDS_MIN and pace.saturated_starts:
        return _at_most(rate, pace.saturated_starts / seconds)
    if not running.tasks or pace.runs < RUNS_MIN or not pace.mean_run_seconds:
        return None
    if running.seconds is not None and running.seconds > AGE_MAX * pace.mean_run_seconds:
        return None
    # Those that run may have come in a moment in which nothing waited, and last for less than they would have to wait.
    return _at_most(rate, running.tasks / pace.mean_run_seconds)


def _at_most(rate: float | None, per_second: float) -> float:
    return per_second if rate is None else min(rate, per_second)
